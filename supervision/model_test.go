package supervision

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// model is OTP's supervisor as plain recursion: every stop and start happens at once. It shares no code with machine.
type model struct {
	strategy  Strategy
	dynamic   bool
	max       int
	auto      AutoShutdown
	intensity int
	period    time.Duration
	kids      []*modelChild
	stamps    []time.Duration
	retries   []*modelChild
	log       []string
	pids      int
	dead      bool
	start     func(id string) string
}

type modelChild struct {
	id         string
	restart    Restart
	sig        bool
	pid        int // 0: none
	key        int // last pid, as the name of a restarting dynamic child
	restarting bool
}

func (m *model) logf(f string, a ...any) { m.log = append(m.log, fmt.Sprintf(f, a...)) }

func (m *model) boot(k *modelChild) string {
	switch v := m.start(k.id); v {
	case "":
		m.pids++
		k.pid, k.key = m.pids, m.pids
		m.calm(k)
		m.logf("start %s", k.id)
		return ""
	case "ignore":
		m.logf("ignore %s", k.id)
		k.pid = 0
		m.calm(k)
		if k.restart == Temporary || m.dynamic {
			m.drop(k)
		}
		return ""
	default:
		m.logf("fail %s", k.id)
		k.pid = 0
		m.calm(k)
		return v
	}
}

// calm ends the restarting of k: a retry that was asked for does not count any more.
func (m *model) calm(k *modelChild) {
	k.restarting = false
	m.retries = slices.DeleteFunc(m.retries, func(x *modelChild) bool { return x == k })
}

func (m *model) drop(k *modelChild) {
	m.kids = slices.DeleteFunc(m.kids, func(x *modelChild) bool { return x == k })
	m.calm(k)
}

func (m *model) halt(k *modelChild) {
	if k.pid != 0 {
		m.logf("stop %s", k.id)
	}
	k.pid = 0
	m.calm(k)
	if k.restart == Temporary || m.dynamic {
		m.drop(k)
	}
}

func (m *model) begin() {
	for i, k := range slices.Clone(m.kids) {
		if m.boot(k) != "" {
			before := slices.Clone(m.kids[:slices.Index(m.kids, k)])
			_ = i
			slices.Reverse(before)
			for _, b := range before {
				m.halt(b)
			}
			m.dead = true
			m.logf("end start")
			return
		}
	}
	m.logf("ready")
}

func (m *model) shutdown(why string) {
	all := slices.Clone(m.kids)
	slices.Reverse(all)
	for _, k := range all {
		m.halt(k)
	}
	m.dead = true
	m.logf("end %s", why)
}

func (m *model) crash(k *modelChild, c exitClass, now time.Duration) {
	k.pid = 0
	if k.restart == Permanent || k.restart == Transient && c == exitAbnormal {
		m.restart(k, now)
		return
	}
	if k.restart == Temporary || m.dynamic {
		m.drop(k)
	}
	if !k.sig || m.auto == Never {
		return
	}
	if m.auto == AllSignificant {
		for _, o := range m.kids {
			if o.sig && (o.pid != 0 || o.restarting) {
				return
			}
		}
	}
	m.shutdown("auto")
}

func (m *model) restart(k *modelChild, now time.Duration) {
	m.stamps = append(m.stamps, now)
	n := 0
	for _, t := range m.stamps {
		if t+m.period >= now {
			n++
		}
	}
	if n > m.intensity {
		k.pid = 0
		m.calm(k)
		if m.dynamic {
			m.drop(k)
		}
		m.shutdown("intensity")
		return
	}
	set := []*modelChild{k}
	if i := slices.Index(m.kids, k); m.strategy == RestForOne {
		set = slices.Clone(m.kids[i:])
	} else if m.strategy == OneForAll {
		set = slices.Clone(m.kids)
	}
	for i := len(set) - 1; i >= 0; i-- {
		if set[i] != k {
			m.halt(set[i])
		}
	}
	m.calm(k)
	for _, s := range set {
		if s.restart == Temporary {
			continue
		}
		if m.boot(s) != "" {
			s.restarting = true
			m.retries = append(m.retries, s)
			return
		}
	}
}

// retry takes the oldest retry that was asked for; false: there is none.
func (m *model) retry(now time.Duration) bool {
	if len(m.retries) == 0 {
		return false
	}
	k := m.retries[0]
	m.retries = m.retries[1:]
	m.restart(k, now)
	return true
}

func (m *model) reply(s string) { m.logf("reply %s", s) }

func (m *model) table() string {
	var parts []string
	for _, k := range m.kids {
		switch {
		case k.restarting:
			parts = append(parts, k.id+"=~")
		case k.pid != 0:
			parts = append(parts, fmt.Sprintf("%s=%d", k.id, k.pid))
		default:
			parts = append(parts, k.id+"=-")
		}
	}
	return strings.Join(parts, " ")
}

// verdicts gives both sides the same outcome for the n-th start of a child.
func verdicts(seed uint64, failing float64) func(id string) string {
	count := map[string]uint64{}
	return func(id string) string {
		count[id]++
		r := rand.New(rand.NewPCG(seed, count[id]*1000+uint64(id[0])))
		switch p := r.Float64(); {
		case p < failing:
			return "cannot"
		case p < failing+0.05:
			return "ignore"
		}
		return ""
	}
}

// TestMachineEqualsModel compares the machine with the model over random sequences of crashes, failing starts,
// commands and time, after every step.
func TestMachineEqualsModel(t *testing.T) {
	n := 100_000
	if testing.Short() || raceEnabled {
		n = 5_000
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range n {
		if !modelRun(t, seed+uint64(i)) {
			t.Fatalf("seed %d differs", seed+uint64(i))
		}
	}
}

func modelRun(t *testing.T, seed uint64) bool {
	r := rand.New(rand.NewPCG(seed, 1))
	c := config{strategy: Strategy(r.IntN(3)), auto: AutoShutdown(r.IntN(3)), intensity: 1 + r.IntN(6),
		period: time.Duration(1+r.IntN(5)) * time.Second}
	if c.strategy == OneForOne && r.IntN(3) == 0 {
		c.dynamic, c.max = true, r.IntN(6)
	}
	failing := []float64{0, 0.1, 0.4}[r.IntN(3)]
	m := &model{strategy: c.strategy, dynamic: c.dynamic, max: c.max, auto: c.auto, intensity: c.intensity,
		period: c.period, start: verdicts(seed, failing)}
	var specs []Child
	if !c.dynamic {
		for i := range r.IntN(5) {
			s := randomSpec(r, string(rune('a'+i)), c.auto)
			specs = append(specs, s)
			m.kids = append(m.kids, &modelChild{id: s.ID, restart: s.Restart, sig: s.Significant})
		}
	}
	s := newSim(c, specs...)
	s.start = verdicts(seed, failing)
	s.begin()
	m.begin()
	var trace []string
	for step := range 14 {
		what := "begin"
		if step > 0 {
			what = modelStep(r, s, m, c)
		}
		trace = append(trace, what)
		got, want := s.take()+" | "+s.table(), strings.Join(m.log, ", ")+" | "+m.table()
		m.log = nil
		if c.dynamic && strings.Contains(want, "end ") && len(got) == len(want) {
			got, want = "", "" // the order of a parallel stop is free
		}
		if got != want {
			t.Errorf("%+v\nchildren %+v\nsteps %v\n got %s\nwant %s", c, specs, trace, got, want)
			return false
		}
		if m.dead {
			break
		}
		if d := r.IntN(4); d == 0 && len(m.retries) == 0 {
			s.now += time.Duration(r.IntN(3000)) * time.Millisecond
		}
	}
	return true
}

func randomSpec(r *rand.Rand, id string, auto AutoShutdown) Child {
	s := Child{ID: id, Restart: Restart(r.IntN(3))}
	s.Significant = auto != Never && s.Restart != Permanent && r.IntN(2) == 0
	return s
}

// modelStep lets the same thing happen to both.
func modelStep(r *rand.Rand, s *sim, m *model, c config) string {
	switch r.IntN(6) {
	case 0, 1:
		alive := slices.DeleteFunc(slices.Clone(m.kids), func(k *modelChild) bool { return k.pid == 0 })
		if len(alive) == 0 {
			return "-"
		}
		k := alive[r.IntN(len(alive))]
		cl := exitClass(r.IntN(3))
		pid := k.pid
		m.crash(k, cl, s.now)
		s.gone(pid, cl, "boom")
		s.run()
		return fmt.Sprintf("crash %s (%d) %d", k.id, pid, cl)
	case 2, 3:
		m.retry(s.now)
		s.fireOne(0)
		return "retry"
	default:
		return modelCommand(r, s, m, c)
	}
}

func modelCommand(r *rand.Rand, s *sim, m *model, c config) string {
	cmd := &command[int]{kind: commandKind(r.IntN(4)), token: uint64(len(s.replies) + 1)}
	id := string(rune('a' + r.IntN(6)))
	if c.dynamic && cmd.kind > cmdTerminate {
		cmd.kind = cmdTerminate
	}
	cmd.id, cmd.pid = id, r.IntN(8)
	if cmd.kind == cmdStart {
		child := randomSpec(r, id, c.auto)
		cmd.child = &child
	}
	m.command(cmd)
	s.do1(cmd)
	return fmt.Sprintf("command %d %s %d", cmd.kind, id, cmd.pid)
}

func (m *model) find(c *command[int]) *modelChild {
	for _, k := range m.kids {
		if m.dynamic && c.kind != cmdStart && k.key == c.pid && c.pid != 0 || !m.dynamic && k.id == c.id {
			return k
		}
	}
	return nil
}

func trimmed(err error) string { return strings.TrimPrefix(err.Error(), "supervision: ") }

func (m *model) command(c *command[int]) {
	k := m.find(c)
	switch {
	case c.kind == cmdStart && k != nil && k.pid != 0:
		m.reply(trimmed(ErrAlreadyStarted))
	case c.kind == cmdStart && k != nil:
		m.reply(trimmed(ErrAlreadyPresent))
	case c.kind == cmdStart && m.max > 0 && len(m.kids) == m.max:
		m.reply(trimmed(ErrMaxChildren))
	case c.kind == cmdStart:
		k = &modelChild{id: c.child.ID, restart: c.child.Restart, sig: c.child.Significant}
		m.kids = append(m.kids, k)
		if err := m.boot(k); err != "" {
			m.drop(k)
			m.reply(err)
			return
		}
		m.reply("ok")
	case k == nil:
		m.reply(trimmed(ErrNotFound))
	case c.kind == cmdTerminate && k.pid == 0 && !k.restarting:
		m.reply("ok")
	case c.kind == cmdTerminate:
		m.halt(k)
		m.reply("ok")
	case k.restarting:
		m.reply(trimmed(ErrRestarting))
	case k.pid != 0:
		m.reply(trimmed(ErrRunning))
	case c.kind == cmdRestart:
		if err := m.boot(k); err != "" {
			m.reply(err)
			return
		}
		m.reply("ok")
	default:
		m.drop(k)
		m.reply("ok")
	}
}
