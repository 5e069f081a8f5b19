package handoff

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func wants(t *testing.T, got []Output, want ...Output) {
	t.Helper()
	if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// frozen is an Old whose first attempt has sent its State.
func frozen() (*Old, Attempt) {
	o := NewOld(ids[nO], "x", 5, DefaultTiming())
	a := Attempt{5, 1}
	o.Step(t0, Move{ids[nN], 9})
	o.Step(t0, Got{ids[nN], Accept{"x", a}})
	o.Step(t0, Drained{})
	o.Step(t0, Snapshotted{State: []byte("s")})
	return o, a
}

func TestMoveGoesWell(t *testing.T) {
	o, a := NewOld(ids[nO], "x", 5, DefaultTiming()), Attempt{5, 1}
	n := NewNew("x", DefaultTiming())
	wants(t, o.Step(t0, Move{ids[nN], 9}), Send{To: ids[nN], Msg: Offer{"x", a, 9}})
	wants(t, n.Step(t0, Asked{ids[nO], Offer{"x", a, 9}, 9, ""}), Send{To: ids[nO], Msg: Accept{"x", a}})
	wants(t, o.Step(t0, Got{ids[nN], Accept{"x", a}}), Drain{})
	wants(t, o.Step(t0, Drained{}), Snapshot{})
	wants(t, o.Step(t0, Snapshotted{2, []byte("s"), nil}), Send{To: ids[nN], Msg: State{"x", a, 2, []byte("s")}})
	wants(t, n.Step(t0, Got{ids[nO], State{"x", a, 2, []byte("s")}}), Restore{a, 2, []byte("s")})
	wants(t, n.Step(t0, Restored{a, 7, nil}), Send{To: ids[nO], Msg: Ready{"x", a}})
	wants(t, o.Step(t0, Got{ids[nN], Ready{"x", a}}), Send{To: ids[nN], Msg: Activate{"x", a, 6}})
	wants(t, n.Step(t0, Got{ids[nO], Activate{"x", a, 6}}), Run{a, 6}, Send{To: ids[nO], Msg: Active{"x", a, 7}})
	wants(t, n.Step(t0, Got{ids[nO], Activate{"x", a, 6}}), Send{To: ids[nO], Msg: Active{"x", a, 7}})
	wants(t, o.Step(t0, Got{ids[nN], Active{"x", a, 7}}), Forward{ids[nN], 7})
	wants(t, o.Step(t0, Got{ids[nY], Flush{From: ids[nY]}}))
	wants(t, o.Step(t0, Await{ids[:]}), Send{To: ids[nN], Msg: Flush{ids[nY], []string{"x"}}})
	wants(t, o.Step(t0, Got{ids[nN], Flush{From: ids[nN]}}), Send{To: ids[nN], Msg: Flush{ids[nN], []string{"x"}}},
		Send{To: ids[nN], Msg: Flush{ids[nO], []string{"x"}}}, Gone{})
	n.Step(t0, Got{ids[nO], Flush{ids[nO], []string{"x"}}})
	if n.Settled() || n.Epoch() != 6 || o.Mail() != Dead || !n.NextTick().IsZero() {
		t.Errorf("settled %v, epoch %d, mail %v", n.Settled(), n.Epoch(), o.Mail())
	}
	if n.Step(t0, Exited{}); !n.Settled() {
		t.Error("what is over is kept")
	}
}

// TestBeforeTheCommitPoint: everything that goes wrong lets the process run on, as an epoch that passes the other's.
func TestBeforeTheCommitPoint(t *testing.T) {
	for _, in := range []Input{Unsettled{"why"}, Unlinked{ids[nN]}, PeerDown{ids[nN]}, Got{ids[nN], Failed{"x", Attempt{5, 1}, "why"}}} {
		o, a := frozen()
		outs := o.Step(t0, in)
		if _, ok := outs[len(outs)-1].(GaveUp); !ok || o.Phase() != Running || o.Epoch() != 7 || o.Mail() != Handle {
			t.Errorf("%T: %+v, %v %d", in, outs, o.Phase(), o.Epoch())
		}
		wants(t, o.Step(t0, Move{ids[nN], 9}))
		wants(t, o.Step(o.RetryAt(), Move{ids[nN], 9}), Send{To: ids[nN], Msg: Offer{"x", Attempt{7, 2}, 9}})
		wants(t, o.Step(t0, Got{ids[nN], Ready{"x", a}}), Send{To: ids[nN], Msg: Abort{"x", a}})
	}
	o, _ := frozen()
	wants(t, o.Step(o.NextTick().Add(-1), Tick{}))
	if o.Step(o.NextTick(), Tick{}); o.Phase() != Running {
		t.Error("an attempt lasts for ever")
	}
	o, _ = frozen()
	o.Step(t0, Unsettled{"why"})
	for i := range 10 { // the backoff grows, and not for ever
		o.Step(o.RetryAt(), Move{ids[nN], 9})
		at := o.RetryAt()
		o.Step(at, Got{ids[nN], Refuse{"x", Attempt{7, uint64(i + 2)}, "busy"}})
		if d := o.RetryAt().Sub(at); d < time.Second || d > time.Minute || i == 9 && d < time.Minute {
			t.Errorf("refusal %d: again after %v", i, d)
		}
	}
}

func TestTooLarge(t *testing.T) {
	o := NewOld(ids[nO], "x", 5, DefaultTiming())
	o.Step(t0, Move{ids[nN], 9})
	o.Step(t0, Got{ids[nN], Accept{"x", Attempt{5, 1}}})
	outs := o.Step(t0, Snapshotted{State: make([]byte, MaxState+1)})
	if o.Phase() != Running || len(outs) != 3 {
		t.Errorf("%v", o.Phase())
	}
}

// TestAfterTheCommitPoint: no time ends it; the question goes around a broken link; only death or a denial lets it run on.
func TestAfterTheCommitPoint(t *testing.T) {
	committed := func() (*Old, Attempt) {
		o, a := frozen()
		o.Step(t0, Got{ids[nN], Ready{"x", a}})
		return o, a
	}
	o, a := committed()
	again := Activate{"x", a, 6}
	wants(t, o.Step(t0, Unsettled{"why"}))
	wants(t, o.Step(late, Tick{}), Send{To: ids[nN], Msg: again})
	wants(t, o.Step(late, Unlinked{ids[nN]}), Send{To: ids[nN], Msg: again, Around: true})
	wants(t, o.Step(late.Add(time.Minute), Tick{}), Send{To: ids[nN], Msg: again, Around: true})
	wants(t, o.Step(late, Linked{ids[nN]}), Send{To: ids[nN], Msg: again})
	wants(t, o.Step(late, Got{ids[nY], Active{"x", a, 7}}))
	wants(t, o.Step(late, Got{ids[nN], Active{"x", Attempt{5, 9}, 7}}))
	if o.Mail() != Hold {
		t.Errorf("mail is %v", o.Mail())
	}
	o.Step(late, PeerDown{ids[nN]})
	if o.Phase() != Running || o.Epoch() != 7 {
		t.Errorf("the new node is down: %v %d", o.Phase(), o.Epoch())
	}
	o, a = committed()
	o.Step(t0, Got{ids[nN], Failed{"x", a, "no"}})
	if o.Phase() != Running || o.Epoch() != 7 {
		t.Errorf("the new node has nothing: %v %d", o.Phase(), o.Epoch())
	}
}

func TestNewRefuses(t *testing.T) {
	a := Attempt{5, 1}
	n := NewNew("x", DefaultTiming())
	refuses := func(in Asked) bool {
		outs := n.Step(t0, in)
		m, ok := outs[len(outs)-1].(Send).Msg.(Refuse)
		return ok && m.Why != ""
	}
	if !refuses(Asked{ids[nO], Offer{"x", a, 9}, 8, ""}) || !refuses(Asked{ids[nO], Offer{"x", a, 9}, 9, "busy"}) {
		t.Error("other views, or busy: accepted")
	}
	wants(t, n.Step(t0, Got{ids[nO], Abort{"x", Attempt{5, 2}}}))
	if !refuses(Asked{ids[nO], Offer{"x", Attempt{5, 2}, 9}, 9, ""}) {
		t.Error("an Abort that came first does not count")
	}
	b := Attempt{7, 3}
	n.Step(t0, Asked{ids[nO], Offer{"x", b, 9}, 9, ""})
	wants(t, n.Step(t0, Got{ids[nO], State{"x", a, 0, nil}}))
	n.Step(t0, Got{ids[nO], State{"x", b, 0, nil}})
	wants(t, n.Step(t0, Restored{b, 0, errors.New("no")}), Drop{b}, Send{To: ids[nO], Msg: Failed{"x", b, "restore: no"}})
	wants(t, n.Step(t0, Got{ids[nO], Activate{"x", b, 8}}), Send{To: ids[nO], Msg: Failed{"x", b, "there is no such copy"}})
}

// TestVerdict is what the table's owner does, by what the members said.
func TestVerdict(t *testing.T) {
	prepared := func(epoch, n uint64) Item { return Item{ID: "x", Attempt: Attempt{epoch, n}} }
	for _, c := range []struct {
		name      string
		own, said []Item
		known     uint64
		want      Decision
	}{
		{"nobody has it", nil, nil, 5, Decision{Verdict: Spawn, Epoch: 8}},
		{"another process", nil, []Item{{ID: "y", Epoch: 5, Running: true}}, 5, Decision{Verdict: Spawn, Epoch: 8}},
		{"somebody runs it", nil, []Item{{ID: "x", Epoch: 6, Running: true}}, 5, Decision{Verdict: Nothing}},
		{"a copy", nil, []Item{prepared(5, 1)}, 5, Decision{Verdict: ActivateIt, Holder: ids[nN], Attempt: Attempt{5, 1}, Epoch: 6}},
		{"a copy here", []Item{prepared(5, 1)}, nil, 5, Decision{Verdict: ActivateIt, Holder: ids[nY], Attempt: Attempt{5, 1}, Epoch: 6}},
		{"the later of two", []Item{prepared(5, 1)}, []Item{prepared(5, 2)}, 5, Decision{Verdict: ActivateIt, Holder: ids[nN],
			Attempt: Attempt{5, 2}, Epoch: 6, Stale: []Copy{{ids[nY], Attempt{5, 1}}}}},
		{"a copy of before it ran on", nil, []Item{prepared(5, 1)}, 7, Decision{Verdict: Spawn, Epoch: 10,
			Stale: []Copy{{ids[nN], Attempt{5, 1}}}}},
		{"a copy and who runs it", []Item{prepared(5, 1)}, []Item{{ID: "x", Epoch: 7, Running: true}}, 5, Decision{Verdict: Nothing,
			Stale: []Copy{{ids[nY], Attempt{5, 1}}}}},
	} {
		b := NewBarrier(ids[nY], ids[nO], DefaultTiming())
		b.Step(t0, Viewed{3, ids[nN:nY], c.own})
		b.Step(t0, Got{ids[nN], Done{ids[nO], 2, nil, false}}) // of another view
		if b.Verdict("x", c.known).Verdict != Undecided {
			t.Errorf("%s: decided too early", c.name)
		}
		b.Step(t0, Got{ids[nN], Done{ids[nO], 3, nil, true}})
		if b.Open() {
			t.Errorf("%s: open before all is said", c.name)
		}
		wants(t, b.Step(t0, Got{ids[nN], Done{ids[nO], 3, c.said, false}}), Recovered{3})
		if got := b.Verdict("x", c.known); !reflect.DeepEqual(got, c.want) && (len(got.Stale)+len(c.want.Stale) > 0 || fmt.Sprint(got) != fmt.Sprint(c.want)) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestBarrierAsks: who did not say anything is asked; many items go in several messages; a copy that is gone is not waited for.
func TestBarrierAsks(t *testing.T) {
	b := NewBarrier(ids[nY], ids[nO], DefaultTiming())
	many := make([]Item, MaxItems+1)
	outs := b.Step(t0, Viewed{3, ids[nN:nY], many})
	if len(outs) != 2 || !outs[0].(Send).Msg.(Done).More || outs[1].(Send).Msg.(Done).More {
		t.Errorf("%d messages", len(outs))
	}
	wants(t, b.Step(b.NextTick(), Tick{}), Send{To: ids[nN], Msg: Inquire{ids[nO]}})
	a := Attempt{5, 1}
	b.Step(t0, Got{ids[nN], Done{ids[nO], 3, []Item{{ID: "x", Attempt: a}}, false}})
	b.Verdict("x", 5)
	wants(t, b.Step(late, Tick{}), Send{To: ids[nN], Msg: Activate{"x", a, 6}})
	wants(t, b.Step(late, Got{ids[nN], Failed{"x", a, "gone"}}), Recovered{3})
	if d := b.Verdict("x", 5); d.Verdict != Spawn || d.Epoch != 8 || !b.NextTick().IsZero() {
		t.Errorf("%+v", d)
	}
}

func TestWindow(t *testing.T) {
	var w Window
	for range MaxMoves {
		if !w.Begin() {
			t.Fatal("too early")
		}
	}
	if w.Begin() {
		t.Fatal("too many")
	}
	if !w.State("a", MaxBytes+1) || w.State("b", 1) || w.State("c", MaxBytes) || w.State("d", 1) {
		t.Fatal("a large one goes alone")
	}
	if got := fmt.Sprint(w.End("a")); got != "[b]" || !w.Begin() {
		t.Fatal(got)
	}
	if got := fmt.Sprint(w.End("c"), w.End("b"), w.End("d")); got != "[d] [] []" {
		t.Fatal(got)
	}
}

func TestUnknown(t *testing.T) {
	a := Attempt{5, 1}
	wants(t, Unknown(ids[nO], ids[nN], Ready{"x", a}), Send{To: ids[nN], Msg: Abort{"x", a}})
	wants(t, Unknown(ids[nO], ids[nN], Active{"x", a, 7}), Send{To: ids[nN], Msg: Flush{ids[nO], []string{"x"}}})
	if outs := Unknown(ids[nN], ids[nO], Activate{"x", a, 6}); len(outs) != 1 || !strings.Contains(fmt.Sprint(outs), "no such copy") {
		t.Errorf("%+v", outs)
	}
}
