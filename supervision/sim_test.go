package supervision

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// sim carries out what a machine decides in a world of numbers: process n is the n-th that was started. Every action
// becomes a line of the log.
type sim struct {
	m      *machine[int]
	now    time.Duration
	log    []string
	pids   int
	names  map[int]string // of living processes
	timers []simTimer
	ended  bool
	// answer to a start of id: "", "ignore" or an error text.
	start func(id string) string
	// stubborn processes do not end when told, only when killed; with slow set, not even then by themselves.
	stubborn map[string]bool
	slow     bool
	toldTo   map[int]string // slow: processes that were told, and how
	replies  map[uint64]string
}

type simTimer struct {
	n  uint64
	at time.Duration
}

func newSim(c config, children ...Child) *sim {
	s := &sim{names: map[int]string{}, stubborn: map[string]bool{}, toldTo: map[int]string{}, replies: map[uint64]string{}}
	if c.intensity == 0 {
		c.intensity = DefaultIntensity
	}
	if c.period == 0 {
		c.period = DefaultPeriod
	}
	c.backoff = c.backoff.withDefaults()
	s.m = newMachine[int](c, func() float64 { return 0.5 })
	for i := range children {
		s.m.add(&children[i])
	}
	return s
}

func (s *sim) begin() { s.m.begin(s.now); s.run() }

func (s *sim) logf(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

func (s *sim) take() string {
	l := strings.Join(s.log, ", ")
	s.log = nil
	return l
}

var errBoom = errors.New("boom")

// run carries out actions until there are none.
func (s *sim) run() {
	for {
		a, ok := s.m.next()
		if !ok {
			return
		}
		s.do(a)
	}
}

func (s *sim) do(a action[int]) {
	switch a.kind {
	case actStart:
		s.spawn(a.e)
	case actExit, actKill:
		how := "stop"
		if a.kind == actKill {
			how = "kill"
		}
		s.logf("%s %s", how, a.e.child.ID)
		switch {
		case s.slow:
			s.toldTo[a.pid] = how
		case how == "kill":
			s.gone(a.pid, exitAbnormal, "killed")
		case !s.stubborn[a.e.child.ID]:
			s.gone(a.pid, exitShutdown, "shutdown")
		}
	case actTimer:
		s.timers = append(s.timers, simTimer{a.timer, s.now + a.delay})
	case actNoTimer:
		s.timers = slices.DeleteFunc(s.timers, func(t simTimer) bool { return t.n == a.timer })
	case actReply:
		text := "ok"
		if a.err != nil {
			text = a.err.Error()
		}
		if old, dup := s.replies[a.token]; dup {
			s.logf("SECOND REPLY to %d: %s after %s", a.token, text, old)
		}
		s.replies[a.token] = text
		s.logf("reply %s", strings.TrimPrefix(text, "supervision: "))
	case actReady:
		s.logf("ready")
	case actEnd:
		s.ended = true
		s.logf("end %s", []string{"told", "start", "auto", "intensity"}[a.end])
	}
}

func (s *sim) spawn(e *entry[int]) {
	verdict := ""
	if s.start != nil {
		verdict = s.start(e.child.ID)
	}
	switch verdict {
	case "":
		s.pids++
		s.names[s.pids] = e.child.ID
		s.logf("start %s", e.child.ID)
		s.m.spawned(s.now, e, s.pids, false, nil)
	case "ignore":
		s.logf("ignore %s", e.child.ID)
		s.m.spawned(s.now, e, 0, true, nil)
	default:
		s.logf("fail %s", e.child.ID)
		s.m.spawned(s.now, e, 0, false, errors.New(verdict))
	}
}

// gone lets a process end.
func (s *sim) gone(pid int, c exitClass, reason string) {
	delete(s.names, pid)
	delete(s.toldTo, pid)
	s.m.exited(s.now, pid, c, errors.New(reason))
}

func (s *sim) exit(id string, c exitClass) {
	s.gone(s.pid(id), c, "boom")
	s.run()
}

// pid is the newest living process of id.
func (s *sim) pid(id string) int {
	best := 0
	for pid, name := range s.names {
		if name == id && pid > best {
			best = pid
		}
	}
	return best
}

func (s *sim) tell() { s.m.told(s.now, errBoom); s.run() }

func (s *sim) do1(c *command[int]) {
	s.m.command(s.now, c)
	s.run()
}

// fireOne lets the timer that is due first run out, if one is due within d. Timers due at once keep their order.
func (s *sim) fireOne(d time.Duration) bool {
	best := -1
	for i, t := range s.timers {
		if t.at <= s.now+d && (best < 0 || t.at < s.timers[best].at) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	t := s.timers[best]
	s.timers = slices.Delete(s.timers, best, best+1)
	s.now = max(s.now, t.at)
	s.m.fired(s.now, t.n)
	s.run()
	return true
}

func (s *sim) pass(d time.Duration) {
	end := s.now + d
	for s.fireOne(end - s.now) {
	}
	s.now = end
}

// table is the children as text: id=pid, id=- when idle, id=~ when restarting.
func (s *sim) table() string {
	var parts []string
	for e := range s.m.table.all() {
		switch {
		case e.hidden:
		case e.state == stateRestarting:
			parts = append(parts, e.child.ID+"=~")
		case e.shown() != 0:
			parts = append(parts, fmt.Sprintf("%s=%d", e.child.ID, e.shown()))
		default:
			parts = append(parts, e.child.ID+"=-")
		}
	}
	return strings.Join(parts, " ")
}
