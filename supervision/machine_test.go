package supervision

import (
	"math"
	"testing"
	"time"
)

// An order to end arrives while a start is on its way to be carried out: the process that comes of it is stopped too.
func TestEndWhileSpawning(t *testing.T) {
	for _, dynamic := range []bool{false, true} {
		for _, verdict := range []string{"", "ignore", "cannot"} {
			c := config{intensity: 5, dynamic: dynamic}
			s := newSim(c)
			s.begin()
			s.m.command(0, &command[int]{kind: cmdStart, token: 1, child: &Child{ID: "a", Shutdown: time.Second}})
			s.m.told(0, errBoom)
			s.start = func(string) string { return verdict }
			s.stubborn["a"] = true
			s.run()
			if verdict == "" && s.ended {
				t.Errorf("dynamic %v: ended before its child", dynamic)
			}
			s.pass(time.Second)
			if !s.ended || len(s.names) > 0 {
				t.Errorf("dynamic %v, start gives %q: ended %v, left %v, log %v", dynamic, verdict, s.ended, s.names, s.log)
			}
		}
	}
}

func TestShouldRestart(t *testing.T) {
	want := map[Restart][3]bool{
		Permanent: {true, true, true}, Transient: {false, false, true}, Temporary: {false, false, false},
	}
	for r, row := range want {
		for c, w := range row {
			if got := shouldRestart(r, exitClass(c)); got != w {
				t.Errorf("shouldRestart(%v, %v) = %v, want %v", r, c, got, w)
			}
		}
	}
}

func TestWindow(t *testing.T) {
	for _, tc := range []struct {
		name      string
		intensity int
		at        []time.Duration // in units of the period over 10
		allowed   int             // how many of them
	}{
		{"none allowed", NoRestarts, []time.Duration{0}, 0},
		{"within the limit", 3, []time.Duration{0, 0, 0}, 3},
		{"one too many", 3, []time.Duration{0, 0, 0, 0}, 3},
		{"the last instant counts", 1, []time.Duration{0, 10}, 1},
		{"after the last instant", 1, []time.Duration{0, 11}, 2},
		{"the window slides", 2, []time.Duration{0, 8, 11, 19, 22, 30}, 6},
		{"and catches up", 2, []time.Duration{0, 8, 11, 18}, 3},
	} {
		w := window{intensity: tc.intensity, period: time.Second}
		n := 0
		for _, at := range tc.at {
			if !w.add(at * time.Second / 10) {
				break
			}
			n++
		}
		if n != tc.allowed {
			t.Errorf("%s: %d restarts allowed, want %d", tc.name, n, tc.allowed)
		}
	}
}

func TestBackoffDelay(t *testing.T) {
	for _, tc := range []struct {
		b    Backoff
		n    int
		rnd  float64
		want time.Duration
	}{
		{Backoff{}, 5, 0.9, 0},
		{Backoff{Min: time.Second}, 0, 0, time.Second},
		{Backoff{Min: time.Second}, 3, 0, 8 * time.Second},
		{Backoff{Min: time.Second}, 10, 0, 30 * time.Second},
		{Backoff{Min: time.Minute}, 10, 0, time.Minute},
		{Backoff{Min: time.Second, Max: 5 * time.Second, Factor: 3}, 1, 0, 3 * time.Second},
		{Backoff{Min: time.Second, Jitter: 0.5}, 1, 0.5, 1500 * time.Millisecond},
		{Backoff{Min: time.Second, Jitter: 1}, 1, 0.999, 2 * time.Millisecond},
		{Backoff{Min: time.Second, Max: Infinity}, math.MaxInt32, 0, Infinity},
	} {
		got := tc.b.withDefaults().delay(tc.n, tc.rnd)
		if d := got - tc.want; d < -time.Microsecond || d > time.Microsecond {
			t.Errorf("%+v: delay(%d, %v) = %v, want %v", tc.b, tc.n, tc.rnd, got, tc.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{RestForOne.String(), "RestForOne"}, {Strategy(9).String(), "Strategy(9)"},
		{Temporary.String(), "Temporary"}, {Restart(3).String(), "Restart(3)"},
		{AllSignificant.String(), "AllSignificant"}, {AutoShutdown(7).String(), "AutoShutdown(7)"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}
