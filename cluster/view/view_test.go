package view_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/view"
)

func sentinel(err error) error {
	if e, ok := errors.AsType[*view.AdmitError](err); ok {
		return e.Err
	}
	return err
}

func TestAdmit(t *testing.T) {
	timing := view.Fast()
	timing.LinkBroken, timing.ForgetAfter = 2*time.Second, 3*time.Second
	s := newTester(t, timing, b, c)
	s.do(0, view.Goodbye{ID: c})
	check := func(id nodeid.ID, addr string, want error) {
		t.Helper()
		err := s.v.Admit(id, addr)
		if sentinel(err) != want {
			t.Errorf("Admit(%v, %s) = %v, want %v", id, addr, err, want)
		}
		if want != nil && (!errors.Is(err, want) || !strings.Contains(err.Error(), id.String())) {
			t.Errorf("Admit(%v, %s) = %v", id, addr, err)
		}
	}
	check(b, at(b), nil)
	check(b, "moved:1", nil)
	check(id("b", 1), at(b), view.ErrOldIncarnation)
	check(nodeid.ID{Name: "b", Incarnation: b.Incarnation + 1}, at(b), view.ErrOldIncarnation) // the counter is not greater
	check(id("b", 3), at(b), nil)
	check(id("b", 3), "x:1", view.ErrProbing)
	check(c, at(c), view.ErrRemoved)
	check(id("c", 2), at(c), view.ErrOldIncarnation)
	check(id("c", 4), "anywhere:1", nil)
	check(a, at(a), view.ErrDuplicateName)
	check(id("a", 2), "x:1", view.ErrDuplicateName)
	check(id("n", 1), "x:1", nil)

	if out := fmt.Sprint(s.pass(3*time.Second, b)); out != "[forgotten c3]" {
		t.Error(out)
	}
	check(c, at(c), view.ErrForgotten)
	check(id("c", 2), at(c), view.ErrForgotten)
	check(id("c", 4), at(c), nil)
	if f := s.v.Floor("c"); f != c.Incarnation {
		t.Errorf("floor %v", f)
	}
	if _, ok := s.v.Member(c); ok || len(s.v.Members()) != 2 {
		t.Errorf("members %v", s.v.Members())
	}
	// Alive for SWIM after all that time: it is told, and no event comes of it.
	s.follow([]line{
		{0, view.SwimAlive{ID: c, Addr: at(c)}, "tell c3"},
		{1200 * ms, view.SwimDead{ID: c}, "suspect b2; tell c3"}, // b was not heard
	})
	if out := fmt.Sprint(s.pass(5*time.Second, b)); strings.Contains(out, "c3") {
		t.Error(out)
	}
	check(c, at(c), view.ErrForgotten)
}

func TestMemoryIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	v := view.New(view.Member{ID: a, Addr: at(a)}, view.LAN(), now)
	v.Step(now, view.SelfReady{})
	forgotten := 0
	count := func(out []view.Output) {
		for _, o := range out {
			if e, ok := o.(view.Event); ok && e.Kind == view.EventForgotten {
				forgotten++
			}
		}
	}
	const total = view.MaxDown + view.MaxFloors + 100
	for i := range total {
		n := id(fmt.Sprintf("n%d", i), i+1)
		now = now.Add(ms)
		count(v.Step(now, view.SessionUp{ID: n, Addr: n.Name}))
		count(v.Step(now, view.Goodbye{ID: n}))
	}
	if down := len(v.Members()) - 1; down != view.MaxDown || forgotten != total-view.MaxDown {
		t.Errorf("down %d, forgotten %d", down, forgotten)
	}
	// 100 floors had to be merged: whoever is as old as they are is refused, others are not.
	for name, want := range map[string]error{"n0": view.ErrForgotten, "n99": view.ErrForgotten, "n100": view.ErrForgotten, "other": view.ErrForgotten} {
		if err := v.Admit(id(name, 100), "x"); sentinel(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := v.Admit(id("other", 101), "x"); err != nil {
		t.Error(err)
	}
	for i := range view.MaxMembers {
		n := id(fmt.Sprintf("m%d", i), 10_000)
		v.Step(now, view.SessionUp{ID: n, Addr: n.Name})
	}
	if err := v.Admit(id("z", 20_000), "z"); sentinel(err) != view.ErrFull {
		t.Error(err)
	}
	if n := len(v.Members()); n != view.MaxMembers+view.MaxDown {
		t.Errorf("%d members", n)
	}
}

// A golden value: nodes of other releases compute the same.
func TestViewID(t *testing.T) {
	make := func(seed uint64, change func(*view.Member), up ...nodeid.ID) *view.View {
		now := time.Unix(1000, 0)
		v := view.New(view.Member{ID: a, Addr: at(a), Info: view.Info{Load: float64(seed)}}, view.LAN(), now)
		v.Seed = seed
		v.Step(now, view.SelfReady{})
		for _, n := range up {
			m := view.Member{ID: n, Info: view.Info{Zone: "z", Labels: map[string]string{"k": "v", "l": "w"}}}
			change(&m)
			v.Step(now, view.SessionUp{ID: m.ID, Addr: at(m.ID), Info: m.Info})
			v.Step(now, view.Status{ID: m.ID, State: view.Up, Load: float64(m.ID.Incarnation)})
		}
		return v
	}
	same := func(*view.Member) {}
	v := make(7, same, b, c)
	if got, want := v.ViewID(), uint64(goldenViewID); got != want {
		t.Errorf("ViewID is %#x, in other releases %#x", got, want)
	}
	if v.ViewID() != make(7, same, c, b).ViewID() {
		t.Error("the order of arrival is in it")
	}
	for what, other := range map[string]*view.View{
		"seed":        make(8, same, b, c),
		"set":         make(7, same, b),
		"incarnation": make(7, same, b, id("c", 9)),
		"name":        make(7, same, b, id("d", 3)),
		"weight":      make(7, func(m *view.Member) { m.Weight = 2 }, b, c),
		"zone":        make(7, func(m *view.Member) { m.Zone = "y" }, b, c),
		"label":       make(7, func(m *view.Member) { m.Labels = map[string]string{"k": "v", "l": "x"} }, b, c),
		"labels":      make(7, func(m *view.Member) { m.Labels = nil }, b, c),
	} {
		if other.ViewID() == v.ViewID() {
			t.Errorf("%s is not in it", what)
		}
	}
	before := v.ViewID()
	v.Step(time.Unix(1001, 0), view.SwimAlive{ID: b, Info: &view.Info{Weight: 5}})
	if v.ViewID() != before {
		t.Error("gossip overrides a hello")
	}
	v.Step(time.Unix(1001, 0), view.SwimDead{ID: b})
	if v.ViewID() != before || len(v.Up()) != 3 {
		t.Error("a suspect left the up set")
	}
	v.Step(time.Unix(1001, 0), view.SelfLeaving{})
	if up := v.Up(); len(up) != 2 || up[0].ID != b || up[1].ID != c {
		t.Errorf("up: %v", up)
	}
	if fresh := view.New(view.Member{ID: a}, view.LAN(), time.Unix(1, 0)); fresh.ViewID() != 0 {
		t.Error("nobody is up, and there is a ViewID")
	}
}

const goldenViewID = 0x4dda61646950becd

func TestSettled(t *testing.T) {
	s := newTester(t, view.Fast(), b, c)
	beat := func(id nodeid.ID) view.Status { return view.Status{ID: id, State: view.Up, ViewID: s.v.ViewID()} }
	s.do(0, beat(b))
	if s.v.Settled(b) {
		t.Error("at once")
	}
	s.pass(300*ms, b, c)
	s.do(0, beat(b))
	s.pass(200*ms, b, c)
	if !s.v.Settled(b) || s.v.Settled(c) || s.v.Settled(a) || s.v.Settled(d) {
		t.Error("b alone has had the same view for long")
	}
	s.do(0, view.SwimDead{ID: c})
	s.pass(1100*ms, b)
	s.do(0, beat(b))
	s.pass(400*ms, b)
	if s.v.Settled(b) {
		t.Error("somebody is unreachable")
	}
	s.pass(200*ms, b) // c is down by now
	s.do(0, beat(b))
	if !s.v.Settled(b) {
		t.Error("it does not settle again")
	}
}

// A policy is asked while somebody is unreachable, and only about those.
func TestDecide(t *testing.T) {
	s := newTester(t, view.Fast(), b, c)
	var seen []view.Situation
	s.v.Decide = func(sit view.Situation) []nodeid.ID {
		seen = append(seen, sit)
		if sit.Stable < 5*time.Second {
			return []nodeid.ID{a, b, d} // reachable, this node itself, unknown: all ignored
		}
		return []nodeid.ID{c}
	}
	s.do(0, view.SwimDead{ID: c})
	s.pass(900*ms, b)
	if len(seen) > 0 {
		t.Error("asked though nobody is unreachable")
	}
	out := fmt.Sprint(s.pass(4900*ms, b))
	if !strings.Contains(out, "unreachable c3") || strings.Contains(out, "down") {
		t.Error(out)
	}
	if out := fmt.Sprint(s.pass(700*ms, b)); out != "[down c3; end c3]" && out != "[down c3 end c3]" {
		t.Error(out)
	}
	last := seen[len(seen)-1]
	if len(last.Up) != 2 || last.Self.ID != a || len(last.Unreachable) != 1 || last.Unreachable[0].ID != c || last.Unreachable[0].For < 5*time.Second {
		t.Errorf("%+v", last)
	}
}

// The time in which this process did not run is nobody's silence.
func TestOwnPauseIsNotSilence(t *testing.T) {
	s := newTester(t, view.Fast(), b)
	s.do(0, view.SwimDead{ID: b})
	s.now = s.now.Add(time.Hour)
	for _, o := range s.v.Step(s.now, view.Tick{}) {
		if e, ok := o.(view.Event); ok {
			t.Errorf("%v", e.Kind)
		}
	}
	if out := fmt.Sprint(s.pass(1100 * ms)); !strings.Contains(out, "unreachable b2") {
		t.Errorf("silence after the pause does not count: %s", out)
	}
}

func TestTiming(t *testing.T) {
	for _, p := range []view.Timing{view.Fast(), view.LAN(), view.WAN()} {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
	if !view.WAN().NoProof || view.LAN().NoProof {
		t.Error("P2 is off in the WAN profile only")
	}
	err := view.Timing{DownAfter: -1, ProbeSteps: []time.Duration{-1}}.Validate()
	for _, field := range []string{"Heartbeat", "Settle", "DownAfter", "ProbeSteps has 1", "ProbeSteps[0]"} {
		if err == nil || !strings.Contains(err.Error(), "Timing."+field) {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
	bad := view.LAN()
	bad.Silent, bad.LinkBroken, bad.ForgetAfter = time.Second, time.Millisecond, 0
	for _, field := range []string{"Silent", "LinkBroken", "ForgetAfter"} {
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "Timing."+field) {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
}

func TestStrings(t *testing.T) {
	for s := view.Joining; s <= view.Forgotten; s++ {
		if s.String() == "" || strings.Contains(s.String(), "State") {
			t.Error(s)
		}
	}
	if view.State(99).String() != "State(99)" || view.Kind(99).String() != "Kind(99)" || view.AlarmBrokenLink.String() != "broken link" {
		t.Error(view.State(99), view.Kind(99), view.AlarmBrokenLink)
	}
}

func TestRankIsATotalOrder(t *testing.T) {
	var ranks []view.Rank
	for up := range 2 {
		for _, oldest := range []nodeid.Incarnation{9, 5} { // older is greater
			for _, self := range []nodeid.ID{{Name: "z", Incarnation: 9}, {Name: "b", Incarnation: 5}, {Name: "a", Incarnation: 5}} {
				ranks = append(ranks, view.Rank{Up: up, Oldest: oldest, Self: self})
			}
		}
	}
	for i, x := range ranks {
		for j, y := range ranks {
			if x.Less(y) != (i < j) {
				t.Errorf("%v < %v is %v", x, y, x.Less(y))
			}
		}
	}
}

// FuzzStep: whatever comes in, nothing panics, the events of each member stay legal, and equal inputs give equal outputs.
func FuzzStep(f *testing.F) {
	f.Add([]byte{0, 0, 3, 0, 6, 0, 1, 0, 16, 50, 16, 90})
	f.Add([]byte{3, 1, 6, 1, 4, 1, 9, 1, 9, 9, 11, 1, 12, 2, 16, 200, 2, 1, 16, 250, 0, 9, 0, 17})
	f.Fuzz(func(t *testing.T, script []byte) {
		timing := view.Fast()
		timing.LinkBroken, timing.ForgetAfter = time.Second, 2*time.Second
		now := time.Unix(1000, 0)
		v, twin := view.New(view.Member{ID: a, Addr: at(a)}, timing, now), view.New(view.Member{ID: a, Addr: at(a)}, timing, now)
		tracks := map[nodeid.ID]*track{}
		for len(script) >= 2 {
			in := input(script[0], script[1])
			now = now.Add(time.Duration(script[1]) * 2 * ms)
			script = script[2:]
			out := v.Step(now, in)
			if again := twin.Step(now, in); !reflect.DeepEqual(out, again) {
				t.Fatalf("%v, then %v", out, again)
			}
			for _, o := range out {
				e, ok := o.(view.Event)
				if !ok || e.Kind > view.EventForgotten || e.Member.ID == a {
					continue
				}
				if tracks[e.Member.ID] == nil {
					tracks[e.Member.ID] = &track{}
				}
				if was := *tracks[e.Member.ID]; !tracks[e.Member.ID].next(e.Kind) {
					t.Fatalf("%v of %v after %+v", e.Kind, e.Member.ID, was)
				}
			}
			if v.NextTick().Before(now) {
				t.Fatalf("NextTick %v is before %v", v.NextTick(), now)
			}
		}
	})
}

func input(kind, what byte) view.Input {
	n := id(string(rune('a'+what%4)), 1+int(what/4%4))
	addr := fmt.Sprintf("h%d", what/16%4)
	from := id(string(rune('a'+what/16%4)), 1)
	switch kind % 18 {
	case 0:
		return view.SwimAlive{ID: n, Addr: addr}
	case 1:
		return view.SwimDead{ID: n}
	case 2:
		return view.SwimLeft{ID: n}
	case 3:
		return view.SessionUp{ID: n, Addr: addr}
	case 4:
		return view.SessionLost{ID: n}
	case 5:
		return view.SessionDown{ID: n}
	case 6:
		return view.Status{ID: n, State: view.State(what / 16 % 8), Broken: []nodeid.ID{from}}
	case 7:
		return view.Hello{ID: n, Addr: addr}
	case 8:
		return view.Heard{ID: n}
	case 9, 10:
		return view.Dialled{ID: n, Attempt: int(what / 16 % 4), Result: view.Result(kind % 4), Answered: nodeid.ID{}}
	case 11:
		return view.Asked{From: from, ID: n}
	case 12:
		return view.Confirmed{From: from, ID: n, Refused: true}
	case 13:
		return view.Removed{ID: a, By: n, Rank: view.Rank{Up: int(what / 128)}}
	case 14:
		return view.SelfReady{}
	case 15:
		return view.Goodbye{ID: n}
	case 16:
		return view.Dialled{ID: n, Attempt: 1, Result: view.Accepted, Answered: from}
	}
	return view.Tick{}
}

// Bytes that came between two refusals, and are reported after both, take both back.
func TestLateReportOfBytes(t *testing.T) {
	s := newTester(t, view.Fast(), b, c)
	s.follow([]line{
		{0, view.Asked{From: c, ID: b}, "dial b2 #1 5ms"},
		{5 * ms, dialled(b, 1, view.Refused), "dial b2 #2 10ms"},
		{10 * ms, dialled(b, 2, view.Refused), "answer c3 b2 true"},
		{0, view.Heard{ID: b, At: s.now.Add(8 * ms)}, ""},
		{0, view.Asked{From: c, ID: b}, "dial b2 #3 5ms"},
	})
}
