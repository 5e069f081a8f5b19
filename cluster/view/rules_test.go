package view_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// id is a life of a node; of greater number, a later one.
func id(name string, life int) nodeid.ID {
	return nodeid.ID{Name: name, Incarnation: nodeid.Incarnation(life << 16)}
}

var a, b, c, d, e = id("a", 1), id("b", 2), id("c", 3), id("d", 4), id("e", 5)

func at(id nodeid.ID) string { return id.Name + ":1" }

func short(id nodeid.ID) string { return fmt.Sprintf("%s%d", id.Name, id.Incarnation.Counter()) }

func show(o view.Output) string {
	switch o := o.(type) {
	case view.Event:
		text := o.Kind.String() + " " + short(o.Member.ID)
		if o.Kind == view.EventDown && o.Member.Proved {
			text += " proved"
		}
		if !o.Other.IsZero() {
			text += " by " + short(o.Other)
		}
		for _, l := range o.Links {
			text += " " + short(l.From) + "-" + short(l.To)
		}
		return text
	case view.Connect:
		return "connect " + short(o.ID)
	case view.EndSession:
		return "end " + short(o.ID)
	case view.Dial:
		return fmt.Sprintf("dial %s #%d %v", short(o.ID), o.Attempt, o.After)
	case view.Ask:
		return "ask " + short(o.To) + " " + short(o.ID)
	case view.Answer:
		return fmt.Sprintf("answer %s %s %v", short(o.To), short(o.ID), o.Refused)
	case view.Refuse:
		_, why, _ := strings.Cut(o.Why.(*view.AdmitError).Err.Error(), ": ")
		return "refuse " + short(o.ID) + " " + strings.Fields(why)[0] + " " + strings.Fields(why)[1]
	case view.Tell:
		return "tell " + short(o.ID)
	case view.SelfRemoved:
		return fmt.Sprintf("self removed by %s floor %d", short(o.By), o.Floor.Counter())
	}
	return fmt.Sprintf("%T", o)
}

// line is one step of a rule: after a pause, an input, and the outputs it must have.
type line struct {
	wait time.Duration
	in   view.Input
	want string
}

// tester is the view of a, at the start of which some are up.
type tester struct {
	t   *testing.T
	v   *view.View
	now time.Time
}

func newTester(t *testing.T, timing view.Timing, up ...nodeid.ID) *tester {
	s := &tester{t: t, now: time.Unix(1000, 0)}
	s.v = view.New(view.Member{ID: a, Addr: at(a)}, timing, s.now)
	s.do(0, view.SelfReady{})
	for _, m := range up {
		s.do(0, view.SwimAlive{ID: m, Addr: at(m)})
		s.do(0, view.SessionUp{ID: m, Addr: at(m)})
		s.do(0, view.Status{ID: m, State: view.Up})
	}
	// Long enough that the set is stable.
	for range 10 {
		s.pass(timing.Settle/5, up...)
	}
	return s
}

// pass lets time go on, with a tick in each heartbeat, while some are heard; it returns what is to be done.
func (s *tester) pass(d time.Duration, heard ...nodeid.ID) (out []string) {
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = s.v.NextTick()
		if s.now.After(end) {
			s.now = end
		}
		var batch []view.Heard
		for _, id := range heard {
			batch = append(batch, view.Heard{ID: id})
		}
		for _, o := range s.v.Step(s.now, view.Tick{Heard: batch}) {
			out = append(out, show(o))
		}
	}
	return out
}

func (s *tester) do(wait time.Duration, in view.Input) string {
	out := s.pass(wait)
	for _, o := range s.v.Step(s.now, in) {
		out = append(out, show(o))
	}
	return strings.Join(out, "; ")
}

func (s *tester) follow(lines []line) {
	s.t.Helper()
	for i, l := range lines {
		if got := s.do(l.wait, l.in); got != l.want {
			s.t.Fatalf("line %d, %T%+v:\n got %s\nwant %s", i, l.in, l.in, got, l.want)
		}
	}
}

func dialled(id nodeid.ID, attempt int, r view.Result) view.Dialled {
	return view.Dialled{ID: id, Attempt: attempt, Result: r}
}

const s = time.Second

// fast is what most rules are tested with: D 1 s, settle 500 ms.
var rules = []struct {
	name  string
	up    []nodeid.ID
	wan   bool
	lines []line
}{
	{"a newcomer is joining until it says up", nil, false, []line{
		{0, view.SwimAlive{ID: b, Addr: at(b)}, "joining b2; connect b2"},
		{0, view.SessionUp{ID: b, Addr: at(b)}, ""},
		{0, view.Status{ID: b, State: view.Joining}, ""},
		{0, view.Status{ID: b, State: view.Up}, "up b2"},
		{0, view.Status{ID: b, State: view.Joining}, ""}, // late
		{0, view.Status{ID: b, State: view.Leaving}, "leaving b2"},
		{0, view.Status{ID: b, State: view.Up}, ""},
		{0, view.Goodbye{ID: b}, "down b2 proved; end b2"},
		{0, view.Goodbye{ID: b}, ""},
	}},
	{"silence alone makes suspect", []nodeid.ID{b}, false, []line{
		{10 * s, view.Tick{}, "suspect b2"},
		{0, view.Heard{ID: b}, "reachable b2"},
	}},
	{"SWIM alone makes suspect; bytes veto it", []nodeid.ID{b}, false, []line{
		{0, view.SwimDead{ID: b}, "suspect b2"},
		{900 * ms, view.Heard{ID: b}, ""},
		{900 * ms, view.Heard{ID: b}, ""},
		{900 * ms, view.SwimAlive{ID: b, Addr: at(b)}, ""},
		{0, view.Heard{ID: b}, "reachable b2"},
	}},
	{"both make unreachable, and down when that was stable", []nodeid.ID{b}, false, []line{
		{400 * ms, view.SwimDead{ID: b}, "suspect b2"},
		{599 * ms, view.Tick{}, ""},
		{1 * ms, view.Tick{}, "unreachable b2"},
		{499 * ms, view.Tick{}, ""},
		{2 * ms, view.Tick{}, "down b2; end b2"},
		{0, view.Asked{From: c, ID: b}, "answer c3 b2 false"}, // no dial of ours said so
		{0, view.Heard{ID: b}, ""},
		{0, view.SessionUp{ID: b, Addr: at(b)}, "refuse b2 this incarnation; end b2"},
	}},
	{"unreachable and heard again", []nodeid.ID{b}, false, []line{
		{0, view.SwimDead{ID: b}, "suspect b2"},
		{1 * s, view.Tick{}, "unreachable b2"},
		{0, view.Heard{ID: b}, "reachable b2; suspect b2"}, // SWIM still holds it dead
		{0, view.SwimAlive{ID: b, Addr: at(b)}, "reachable b2"},
	}},
	{"SWIM never saw it, and it vanished", nil, false, []line{
		{0, view.SessionUp{ID: b, Addr: at(b)}, "joining b2"},
		{29 * s, view.Tick{}, "suspect b2"},
		{1 * s, view.Tick{}, "unreachable b2"},
	}},
	{"a closed connection is nothing; accepted dials end it", []nodeid.ID{b}, false, []line{
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{5 * ms, dialled(b, 1, view.Accepted), "dial b2 #2 10ms"},
		{0, dialled(b, 1, view.Refused), ""}, // late
		{10 * ms, dialled(b, 2, view.Refused), "dial b2 #3 20ms"},
		{20 * ms, dialled(b, 3, view.Silent), "dial b2 #4 40ms"},
		{40 * ms, dialled(b, 4, view.Refused), "dial b2 #5 80ms"},
		{80 * ms, dialled(b, 5, view.Accepted), ""},
		{0, view.SessionUp{ID: b, Addr: at(b)}, ""},
	}},
	{"P2 of two", []nodeid.ID{b}, false, []line{
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{5 * ms, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{10 * ms, dialled(b, 2, view.Refused), "down b2 proved; end b2"},
	}},
	{"P2 off", []nodeid.ID{b}, true, []line{
		{0, view.SessionLost{ID: b}, ""},
		{0, view.Asked{From: c, ID: b}, "answer c3 b2 false"},
		{0, dialled(b, 0, view.Refused), ""},
	}},
	{"P2 needs more than half of the others", []nodeid.ID{b, c, d, e}, false, []line{
		{0, view.Confirmed{From: c, ID: b, Refused: true}, ""}, // nobody asked
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{5 * ms, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{10 * ms, dialled(b, 2, view.Refused), "ask c3 b2; ask d4 b2; ask e5 b2"},
		{0, view.Confirmed{From: c, ID: b, Refused: true}, ""},
		{0, view.Confirmed{From: c, ID: b, Refused: true}, ""},
		{0, view.Confirmed{From: d, ID: b}, ""},
		{0, view.Confirmed{From: id("x", 9), ID: b, Refused: true}, ""},
		{0, view.Confirmed{From: e, ID: b, Refused: true}, "down b2 proved; end b2"},
	}},
	{"P2 is taken back by bytes", []nodeid.ID{b, c}, false, []line{
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{5 * ms, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{10 * ms, dialled(b, 2, view.Refused), "ask c3 b2"},
		{1 * ms, view.SessionUp{ID: b, Addr: at(b)}, ""},
		{0, view.Confirmed{From: c, ID: b, Refused: true}, ""},
	}},
	{"P2 leaves half with the oldest", []nodeid.ID{b, c, d}, false, []line{
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{5 * ms, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{10 * ms, dialled(b, 2, view.Refused), "ask c3 b2; ask d4 b2"},
		{0, view.Confirmed{From: c, ID: b, Refused: true}, ""},
		{0, view.Confirmed{From: d, ID: b, Refused: true}, "down b2 proved; end b2"},
		{0, view.SessionLost{ID: c}, "dial c3 #1 5ms"},
		{5 * ms, dialled(c, 1, view.Refused), "dial c3 #2 10ms"},
		{10 * ms, dialled(c, 2, view.Refused), "ask d4 c3"},
		{0, view.Confirmed{From: d, ID: c, Refused: true}, "down c3 proved; end c3"}, // a is the oldest
		{0, view.SessionLost{ID: d}, "dial d4 #1 5ms"},
		{5 * ms, dialled(d, 1, view.Refused), "dial d4 #2 10ms"},
		{10 * ms, dialled(d, 2, view.Refused), ""}, // one of four would be left
	}},
	{"who left by itself does not count for that", []nodeid.ID{b, c, d, e}, false, []line{
		{0, view.Goodbye{ID: b}, "down b2 proved; end b2"},
		{0, view.Goodbye{ID: c}, "down c3 proved; end c3"},
		{0, view.SessionLost{ID: d}, "dial d4 #1 5ms"},
		{5 * ms, dialled(d, 1, view.Refused), "dial d4 #2 10ms"},
		{10 * ms, dialled(d, 2, view.Refused), "ask e5 d4"},
		{0, view.Confirmed{From: e, ID: d, Refused: true}, "down d4 proved; end d4"},
	}},
	{"asked: our own dials answer", []nodeid.ID{b, c}, false, []line{
		{0, view.Asked{From: c, ID: b}, "dial b2 #1 5ms"},
		{0, view.Asked{From: c, ID: b}, ""},
		{5 * ms, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{10 * ms, dialled(b, 2, view.Refused), "answer c3 b2 true"}, // the connection is still open here
		{0, view.Asked{From: c, ID: b}, "answer c3 b2 true"},
		{1 * ms, view.Heard{ID: b}, ""},
		{0, view.Asked{From: c, ID: b}, "dial b2 #3 5ms"},
		{5 * ms, view.Dialled{ID: b, Attempt: 3, Result: view.Accepted, Answered: b}, "answer c3 b2 false"},
		{0, view.Asked{From: c, ID: a}, "answer c3 a1 false"},
		{0, view.Asked{From: c, ID: id("x", 9)}, "answer c3 x9 false"},
		{0, view.Goodbye{ID: b}, "down b2 proved; end b2"},
		{0, view.Asked{From: c, ID: b}, "answer c3 b2 true"},
	}},
	{"asked first, closed then", []nodeid.ID{b, c}, false, []line{
		{0, view.Asked{From: c, ID: b}, "dial b2 #1 5ms"},
		{5 * ms, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{10 * ms, dialled(b, 2, view.Refused), "answer c3 b2 true"},
		{5 * ms, view.SessionLost{ID: b}, "ask c3 b2"},
		{0, view.Confirmed{From: c, ID: b, Refused: true}, "down b2 proved; end b2"},
	}},
	{"another node answers at its address", []nodeid.ID{b}, false, []line{
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{5 * ms, view.Dialled{ID: b, Attempt: 1, Result: view.Accepted, Answered: c}, "dial b2 #2 10ms"},
		{10 * ms, view.Dialled{ID: b, Attempt: 2, Result: view.Accepted, Answered: c}, "down b2 proved; end b2"},
	}},
	{"P1 by a dial", []nodeid.ID{b}, false, []line{
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{5 * ms, view.Dialled{ID: b, Attempt: 1, Result: view.Accepted, Answered: id("b", 7)},
			"down b2 proved; end b2; joining b7; connect b7"},
	}},
	{"P1 by a hello, from the same address", []nodeid.ID{b}, true, []line{
		{0, view.Hello{ID: id("b", 7), Addr: at(b)}, "down b2 proved; end b2"},
		{0, view.SessionUp{ID: id("b", 7), Addr: at(b)}, "joining b7"},
		{0, view.SwimAlive{ID: b, Addr: at(b)}, ""}, // gossip is late: nobody is there to be told
		{12 * s, view.Tick{}, "suspect b7"},
	}},
	{"P1 by gossip", []nodeid.ID{b}, true, []line{
		{0, view.SwimAlive{ID: id("b", 7), Addr: at(b)}, "down b2 proved; end b2; joining b7; connect b7"},
	}},
	{"T2 from another address: the old one answers", []nodeid.ID{b}, false, []line{
		{0, view.Hello{ID: id("b", 7), Addr: "x:1"}, "dial b2 #1 5ms"},
		{5 * ms, view.Dialled{ID: b, Attempt: 1, Result: view.Accepted, Answered: b}, "duplicate name b2 by b7; refuse b7 a live"},
		{0, view.Hello{ID: id("b", 7), Addr: "x:1"}, "refuse b7 a live"},
		{1200 * ms, view.Hello{ID: id("b", 7), Addr: "x:1"}, "suspect b2; dial b2 #2 5ms"}, // it may have died since
	}},
	{"T2: who wanted the name is gone", []nodeid.ID{b}, false, []line{
		{0, view.SwimAlive{ID: id("b", 7), Addr: "x:1"}, "dial b2 #1 5ms"},
		{0, view.SwimDead{ID: id("b", 7)}, ""},
		{0, view.Goodbye{ID: b}, "down b2 proved; end b2"},
	}},
	{"T2: the old one leaves", []nodeid.ID{b}, false, []line{
		{0, view.SwimAlive{ID: id("b", 7), Addr: "x:1"}, "dial b2 #1 5ms"},
		{0, view.Goodbye{ID: b}, "down b2 proved; end b2; joining b7; connect b7"},
	}},
	{"P2 does not leave half without the oldest", []nodeid.ID{id("A", 1), c, d}, false, []line{
		{0, view.SessionLost{ID: c}, "dial c3 #1 5ms"},
		{5 * ms, dialled(c, 1, view.Refused), "dial c3 #2 10ms"},
		{10 * ms, dialled(c, 2, view.Refused), "ask A1 c3; ask d4 c3"},
		{0, view.Confirmed{From: d, ID: c, Refused: true}, ""},
		{0, view.Confirmed{From: id("A", 1), ID: c, Refused: true}, "down c3 proved; end c3"},
		{0, view.SessionLost{ID: id("A", 1)}, "dial A1 #1 5ms"},
		{5 * ms, dialled(id("A", 1), 1, view.Refused), "dial A1 #2 10ms"},
		{10 * ms, dialled(id("A", 1), 2, view.Refused), "ask d4 A1"},
		{0, view.Confirmed{From: d, ID: id("A", 1), Refused: true}, ""},
	}},
	{"P2 counts who is unreachable as lost", []nodeid.ID{b, c, d, e}, false, []line{
		{400 * ms, view.SwimDead{ID: c}, "suspect c3"},
		{0, view.SwimDead{ID: d}, "suspect d4"},
		{600 * ms, view.Tick{Heard: []view.Heard{{ID: b}, {ID: e}}}, "suspect b2; suspect e5; unreachable c3; unreachable d4; reachable b2; reachable e5"},
		{0, view.SessionLost{ID: e}, "dial e5 #1 5ms"},
		{5 * ms, dialled(e, 1, view.Refused), "dial e5 #2 10ms"},
		{10 * ms, dialled(e, 2, view.Refused), "ask b2 e5"},
		{0, view.Confirmed{From: b, ID: e, Refused: true}, ""},
	}},
	{"what never was open did not close", []nodeid.ID{c}, false, []line{
		{0, view.SwimAlive{ID: b, Addr: at(b)}, "joining b2; connect b2"},
		{0, view.Asked{From: c, ID: b}, "dial b2 #1 5ms"},
		{5 * ms, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{10 * ms, dialled(b, 2, view.Refused), "answer c3 b2 true"},
	}},
	{"an older life answers at its address", []nodeid.ID{b}, false, []line{
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{5 * ms, view.Dialled{ID: b, Attempt: 1, Result: view.Accepted, Answered: id("b", 1)}, "dial b2 #2 10ms"},
	}},
	{"left, and its session does not end", []nodeid.ID{b}, false, []line{
		{0, view.SwimLeft{ID: b}, "leaving b2; suspect b2"},
		{999 * ms, view.Tick{}, ""},
		{1 * ms, view.Tick{}, "down b2 proved; end b2"},
	}},
	{"asked, and it says goodbye", []nodeid.ID{b, c}, false, []line{
		{0, view.Asked{From: c, ID: b}, "dial b2 #1 5ms"},
		{0, view.Goodbye{ID: b}, "down b2 proved; end b2; answer c3 b2 true"},
	}},
	{"one probe at a time", []nodeid.ID{b}, false, []line{
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{0, view.SessionDown{ID: b}, "connect b2"},
	}},
	{"left, but not gone", []nodeid.ID{b}, false, []line{
		{0, view.SwimLeft{ID: b}, "leaving b2; suspect b2"},
		{0, view.SwimAlive{ID: b, Addr: at(b)}, "reachable b2"},
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
	}},
	{"who removed us is back", []nodeid.ID{b, c}, true, []line{
		{0, view.Removed{ID: a, By: c, Addr: at(c), Rank: view.Rank{Up: 1}}, ""},
		{0, view.SessionUp{ID: c, Addr: at(c)}, ""},
		{5 * s, view.Tick{}, "suspect b2; suspect c3"},
	}},
	{"who removed us is down", []nodeid.ID{b, c}, true, []line{
		{0, view.Removed{ID: a, By: c, Addr: at(c), Rank: view.Rank{Up: 1}}, ""},
		{0, view.Goodbye{ID: c}, "down c3 proved; end c3"},
		{5 * s, view.Tick{}, "suspect b2"},
	}},
	{"T2: it refuses, and its connection is closed", []nodeid.ID{b, c}, false, []line{
		{0, view.SwimAlive{ID: id("b", 7), Addr: "x:1"}, "dial b2 #1 5ms"},
		{5 * ms, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{10 * ms, dialled(b, 2, view.Refused), ""},
		{1 * ms, view.SessionLost{ID: b}, "down b2 proved; end b2; joining b7; connect b7"},
	}},
	{"T2: it is silent, so the new one waits until it is down", []nodeid.ID{b}, false, []line{
		{0, view.Hello{ID: id("b", 7), Addr: "x:1"}, "dial b2 #1 5ms"},
		{0, dialled(b, 1, view.Silent), "dial b2 #2 10ms"},
		{0, dialled(b, 2, view.Silent), "dial b2 #3 20ms"},
		{0, dialled(b, 3, view.Silent), "dial b2 #4 40ms"},
		{0, dialled(b, 4, view.Silent), "dial b2 #5 80ms"},
		{0, dialled(b, 5, view.Silent), ""},
		{0, view.SessionUp{ID: id("b", 7), Addr: "x:1"}, "end b7"},
		{0, view.SwimDead{ID: b}, "suspect b2"},
		{1500 * ms, view.Tick{}, "unreachable b2; dial b2 #6 5ms; down b2; end b2"},
		{0, view.SessionUp{ID: id("b", 7), Addr: "x:1"}, "joining b7"},
	}},
	{"our own name", nil, false, []line{
		{0, view.SwimAlive{ID: a, Addr: at(a)}, ""},
		{0, view.SwimDead{ID: a}, ""},
		{0, view.Hello{ID: id("a", 9), Addr: "x:1"}, "duplicate name a1 by a9; refuse a9 a live"},
		{0, view.Hello{ID: id("a", 9), Addr: "x:1"}, "refuse a9 a live"},
		{0, view.Hello{ID: nodeid.ID{Name: "a", Incarnation: 1}, Addr: at(a)}, "refuse a0 a later"},
	}},
	{"SWIM says left: the session ends first", []nodeid.ID{b}, false, []line{
		{0, view.SwimLeft{ID: b}, "leaving b2; suspect b2"},
		{100 * ms, view.Heard{ID: b}, ""},
		{100 * ms, view.SessionLost{ID: b}, "down b2 proved; end b2"},
	}},
	{"a session that ended for good is begun again", []nodeid.ID{b}, true, []line{
		{0, view.SessionDown{ID: b, Why: "overflow"}, "connect b2"},
		{10 * s, view.Tick{}, "suspect b2; connect b2"},
	}},
	{"a broken link is told once, and others' too", []nodeid.ID{b, c}, true, []line{
		{5 * s, view.Tick{Heard: []view.Heard{{ID: c}}}, "suspect b2; suspect c3; reachable c3"},
		{25 * s, view.Status{ID: c, State: view.Up, Broken: []nodeid.ID{b}},
			"suspect c3; broken link b2; partial partition a1 a1-b2; reachable c3"},
		{0, view.Tick{}, "partial partition a1 a1-b2 c3-b2"},
		{1 * s, view.Heard{ID: b}, "reachable b2"},
	}},
	{"down but alive for SWIM: it is told until it is gone", []nodeid.ID{b}, false, []line{
		{0, view.SessionLost{ID: b}, "dial b2 #1 5ms"},
		{0, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{0, dialled(b, 2, view.Refused), "down b2 proved; end b2"},
		{2 * s, view.Tick{}, "tell b2; tell b2"},
		{0, view.SwimDead{ID: b}, ""},
		{5 * s, view.Tick{}, ""},
	}},
	{"removed by who has the greater rank", []nodeid.ID{b}, false, []line{
		{0, view.Removed{ID: id("a", 9), By: b, Rank: view.Rank{Up: 3}}, ""}, // another life
		{0, view.Removed{ID: a, By: b, Floor: 8 << 16, Rank: view.Rank{Up: 3}}, "self removed by b2 floor 8"},
		{0, view.Goodbye{ID: b}, ""}, // nothing more
	}},
	{"removed by who has the lesser rank: it is told, if nobody else says so", []nodeid.ID{b, c}, false, []line{
		{0, view.Removed{ID: a, By: c, Addr: at(c), Rank: view.Rank{Up: 1}}, ""},
		{400 * ms, view.Heard{ID: b}, ""},
		{100 * ms, view.Tick{}, "suspect c3; tell c3"},
	}},
	{"removed by who has the lesser rank, and the others left us too", []nodeid.ID{b, c}, true, []line{
		{0, view.Removed{ID: a, By: c, Addr: at(c), Rank: view.Rank{Up: 2}}, ""},
		{0, view.SessionLost{ID: b}, ""},
		{5 * s, view.Tick{}, "suspect b2; suspect c3; self removed by c3 floor 1"},
	}},
	{"time that goes back", []nodeid.ID{b}, false, []line{
		{0, view.Heard{ID: b, At: time.Unix(1, 0)}, ""},
		{0, view.Heard{ID: b, At: time.Unix(1e9, 0)}, ""},
		{400 * ms, view.Tick{}, ""},
	}},
}

func TestRules(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			timing := view.Fast()
			if r.wan {
				timing = view.WAN()
			}
			newTester(t, timing, r.up...).follow(r.lines)
		})
	}
}
