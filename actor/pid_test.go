package actor_test

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

func TestPIDText(t *testing.T) {
	s := sysOf(t)
	pid := spawnFn(t, s, doubler)
	far, err := s.ParsePID("<far/away/7.3>")
	if err != nil || far.Node() != "far/away" {
		t.Fatal(far, err)
	}
	for _, p := range []actor.PID{pid, far, {}, s.Named("simple"), s.Named(`odd "na/me" \ > ü`), s.Named("12.5")} {
		text := p.String()
		q, err := s.ParsePID(text)
		if err != nil || q != p || q.String() != text {
			t.Errorf("%s comes back as %v, %v", text, q, err)
		}
		b, err := p.MarshalText()
		if err != nil || string(b) != text {
			t.Error(string(b), err)
		}
	}
	if b, err := json.Marshal(map[actor.PID]actor.PID{pid: pid}); err != nil || len(b) < 10 {
		t.Error(string(b), err)
	}
	if !(actor.PID{}).IsZero() || pid.IsZero() || pid.Node() != "test" || (actor.PID{}).Node() != "" {
		t.Error("IsZero or Node is wrong")
	}
	if s.Named("") != (actor.PID{}) {
		t.Error("the empty name is somebody")
	}
	if f2, _ := s.ParsePID("<far/away/7.3>"); f2 != far {
		t.Error("two PIDs of another node differ")
	}
}

func TestParsePIDRejects(t *testing.T) {
	s := sysOf(t)
	for _, text := range []string{
		"", "<", ">", "<>", "nobody", "<nobody", "<test>", "<test/>", "<test/1>", "<test/1.>", "<test/.1>", "<test/1.0>", "<test/a.1>",
		"<test/1.-1>", "<test/268435456.1>", "<test/1.68719476736>", "<test/1.1", `<test/"">`, `<test/"a>`, `<other/"a">`, "<test/1.1.1>",
	} {
		if pid, err := s.ParsePID(text); err == nil {
			t.Errorf("%q is %v", text, pid)
		}
	}
}

func FuzzParsePID(f *testing.F) {
	s, err := actor.NewSystem("test")
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"<test/1.1>", "<nobody>", `<test/"a">`, "<a/b/1.2>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pid, err := s.ParsePID(text)
		if err != nil {
			return
		}
		if q, err := s.ParsePID(pid.String()); err != nil || q != pid {
			t.Fatalf("%q is %v, which comes back as %v, %v", text, pid, q, err)
		}
	})
}

func TestStalePIDReachesNobody(t *testing.T) {
	s := sysOf(t)
	seen := make(chan any, 1)
	old := map[actor.PID]bool{}
	for range 2000 {
		pid := spawnFn(t, s, func(_ *actor.Context, msg any) error { seen <- msg; return nil })
		if old[pid] {
			t.Fatal("a PID came back:", pid)
		}
		for p := range old {
			s.Send(p, "stale")
			s.Exit(p, actor.Kill)
			break
		}
		if !s.Alive(pid) {
			t.Fatal("the exit of another reached", pid)
		}
		old[pid] = true
		s.Exit(pid, actor.Kill)
	}
	if len(seen) != 0 {
		t.Fatal("a stale PID reached a process")
	}
}

func TestNamedAddressesAreOneAndAreForgotten(t *testing.T) {
	s := sysOf(t)
	if a := s.Named("a"); a != s.Named("a") || a == s.Named("b") {
		t.Fatal("addresses do not compare by name")
	}
	kept := s.Named("kept")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	name := make([]byte, 1000)
	for i := range 10000 {
		name[0], name[1], name[2] = byte(i), byte(i>>8), 'x'
		s.Send(s.Named(string(name)), nil)
	}
	until(t, "the memory of the names is returned", func() bool {
		runtime.GC()
		runtime.ReadMemStats(&after)
		return after.HeapAlloc < before.HeapAlloc+4<<20 // 20 MB of names
	})
	if s.Named("kept") != kept {
		t.Fatal("a name in use was forgotten")
	}
}

func TestMemoryOfEndedProcessesIsReturned(t *testing.T) {
	s := sysOf(t)
	measure := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	round := func(n int) {
		pids := make([]actor.PID, n)
		for i := range pids {
			pids[i] = spawnFn(t, s, doubler)
		}
		for _, pid := range pids {
			s.Exit(pid, actor.Kill)
		}
		until(t, "all are gone", func() bool { return s.Stats().Processes == 0 })
	}
	round(1000)
	before := measure()
	for range 3 {
		round(20000)
	}
	until(t, "the memory is returned", func() bool { return measure() < before+3<<20 }) // 60,000 are 10 MB or more
}
