package cluster

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/view"
)

var update = flag.Bool("update", false, "write the golden files anew")

// nowhere is a Remote without a network.
type nowhere struct{}

func (nowhere) Peer(*actor.Edge) actor.Peer { return nil }
func (nowhere) Current(string) uint64       { return 0 }

// ends are two Systems that know each other by name, and what each needs to write to and read from the other.
type ends struct {
	a, b   *actor.System
	ab, ba refs
	types  *codec.Registry
	table  *codec.Table
}

type parcel struct {
	N  int
	To actor.PID
}

func newEnds(t testing.TB) ends {
	t.Helper()
	e := ends{}
	for i, p := range []**actor.System{&e.a, &e.b} {
		sys, err := actor.NewSystem(string(rune('a' + i)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sys.Shutdown(context.Background()) })
		if err := sys.Attach(nowhere{}, uint64(1000+i)); err != nil {
			t.Fatal(err)
		}
		*p = sys
	}
	e.ab = refs{sys: e.a, edge: e.a.Edge("b", 1001)}
	e.ba = refs{sys: e.b, edge: e.b.Edge("a", 1000)}
	var err error
	if e.types, err = codec.New(codec.Config{Types: []Type{TypeOf[parcel]("parcel")}}); err != nil {
		t.Fatal(err)
	}
	if e.table, err = e.types.Table(e.types.Names()); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e ends) at(sys *actor.System, node string, inc, id uint64) actor.PID {
	return sys.PIDOf(actor.Address{Node: node, Incarnation: inc, ID: id})
}

// signals are one of each kind, as they are at a.
func (e ends) signals() map[string]actor.Signal {
	mine, theirs := e.at(e.a, "a", 1000, 1<<28+5), e.at(e.a, "b", 1001, 3<<28+700)
	third := e.at(e.a, "c", 77, 1<<28)
	reply := e.at(e.a, "a", 1000, 0xabcdef)
	name := e.a.PIDOf(actor.Address{Node: "b", Incarnation: 1001, Name: "bank"})
	return map[string]actor.Signal{
		"message":       {Kind: actor.SignalMessage, From: mine, To: theirs, Message: parcel{1, mine}},
		"from nobody":   {Kind: actor.SignalMessage, To: name, Message: "text"},
		"with baggage":  {Kind: actor.SignalMessage, From: mine, To: theirs, Message: parcel{2, theirs}, Meta: actor.NewMeta("00-trace", "k", "v", "l", "")},
		"forwarded":     {Kind: actor.SignalMessage, From: third, To: theirs, Message: parcel{3, third}},
		"request":       {Kind: actor.SignalRequest, From: mine, To: theirs, Reply: reply, Message: parcel{N: 4}},
		"answer":        {Kind: actor.SignalAnswer, To: theirs, Message: int64(7)},
		"failure":       {Kind: actor.SignalAnswer, To: theirs, Reason: actor.ErrNoReply},
		"link":          {Kind: actor.SignalLink, From: mine, To: theirs},
		"unlink":        {Kind: actor.SignalUnlink, From: mine, To: theirs, Ref: 9},
		"unlink ack":    {Kind: actor.SignalUnlinkAck, From: mine, To: theirs, Ref: 9},
		"link exit":     {Kind: actor.SignalLinkExit, From: mine, To: theirs, Reason: actor.Killed},
		"exit":          {Kind: actor.SignalExit, From: mine, To: theirs, Reason: actor.Kill},
		"monitor":       {Kind: actor.SignalMonitor, From: mine, To: name, Ref: 300},
		"demonitor":     {Kind: actor.SignalDemonitor, From: mine, To: theirs, Ref: 300},
		"down normally": {Kind: actor.SignalDown, From: mine, To: theirs, Ref: 300},
	}
}

func TestSignalsTravel(t *testing.T) {
	e := newEnds(t)
	for name, sig := range e.signals() {
		rec, err := appendSignal(nil, &sig, &e.ab, e.types)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a, err := parseSignal(rec, &e.ba)
		if err == nil {
			err = a.decode(e.table, &e.ba)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := func(s actor.Signal) string {
			reason := s.Reason
			if reason == nil && s.Kind > actor.SignalAnswer {
				reason = actor.Normal
			}
			m := s.Message
			if p, ok := m.(parcel); ok {
				m = fmt.Sprint(p.N, p.To)
			}
			bag := s.Meta.Trace()
			for k, v := range s.Meta.Baggage() {
				bag += " " + k + "=" + v
			}
			return fmt.Sprint(s.Kind, s.From, s.To, s.Reply, s.Ref, reason, m, bag)
		}
		if got, want := text(a.Signal), text(sig); got != want {
			t.Errorf("%s: arrived as %s, want %s", name, got, want)
		}
		// Whoever wrote it can read it again, for its dead letters.
		mine := e.ab
		mine.own = true
		again, err := parseSignal(rec, &mine)
		if err != nil || again.From != sig.From || again.To != sig.To {
			t.Errorf("%s: its writer reads %v to %v, %v", name, again.From, again.To, err)
		}
	}
}

func TestDeadlinesTravelAsDurations(t *testing.T) {
	e := newEnds(t)
	sig := e.signals()["request"]
	sig.Deadline = time.Now().Add(time.Hour)
	rec, err := appendSignal(nil, &sig, &e.ab, e.types)
	if err != nil {
		t.Fatal(err)
	}
	a, err := parseSignal(rec, &e.ba)
	if left := time.Until(a.Deadline); err != nil || left < 59*time.Minute || left > time.Hour {
		t.Fatal(left, err)
	}
}

// The bytes on the wire change only on purpose.
func TestGoldenSignals(t *testing.T) {
	e := newEnds(t)
	const file = "testdata/signals.golden"
	var lines []string
	signals := e.signals()
	for _, name := range []string{"message", "from nobody", "with baggage", "forwarded", "request", "answer", "failure", "link",
		"unlink", "unlink ack", "link exit", "exit", "monitor", "demonitor", "down normally"} {
		sig := signals[name]
		rec, err := appendSignal(nil, &sig, &e.ab, e.types)
		if err != nil {
			t.Fatal(err)
		}
		a, err := parseSignal(rec, &e.ba)
		if err != nil {
			t.Fatal(err)
		}
		head := rec[:len(rec)-len(a.body)] // types have other numbers when there are more of them
		lines = append(lines, name+": "+hex.EncodeToString(head))
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the wire changed; peers of the version before cannot read it. Got\n%swant\n%s", got, want)
	}
}

// Further fields: what is not known is skipped, unless it is critical.
func TestUnknownFields(t *testing.T) {
	e := newEnds(t)
	sig := actor.Signal{Kind: actor.SignalMessage, To: e.at(e.a, "b", 1001, 1<<28), Message: "x"}
	plain, err := appendSignal(nil, &sig, &e.ab, e.types)
	if err != nil {
		t.Fatal(err)
	}
	with := func(fields ...byte) []byte {
		d := decoder{b: plain[2:]}
		d.uvarint() // to
		head := len(plain) - len(d.b)
		rec := append([]byte{plain[0], plain[1] | hasMore}, plain[2:head]...)
		rec = appendText(rec, string(fields))
		return append(rec, d.b...)
	}
	a, err := parseSignal(with(77, 2, 1, 2), &e.ba)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.decode(e.table, &e.ba); err != nil || a.Message != "x" {
		t.Fatal(a.Message, err)
	}
	if _, err := parseSignal(with(moreHops, 1, 1), &e.ba); !errors.Is(err, actor.ErrUnsupported) {
		t.Fatal(err)
	}
	if _, err := parseSignal(with(77, 200), &e.ba); !errors.Is(err, errEnvelope) {
		t.Fatal(err)
	}
}

// A frame speaks for processes of the node that sent it, never for another's, but for what the sender of a message is called.
func TestForeignSenderOfARelation(t *testing.T) {
	e := newEnds(t)
	sig := e.signals()["down normally"]
	sig.From = e.at(e.a, "c", 77, 1<<28)
	rec, err := appendSignal(nil, &sig, &e.ab, e.types)
	if err != nil {
		t.Fatal(err)
	}
	a, err := parseSignal(rec, &e.ba)
	if err == nil && !a.From.IsZero() {
		t.Fatalf("a Down of %v was believed of %v", a.From, e.ba.edge.Node())
	}
}

func TestPIDsTravel(t *testing.T) {
	e := newEnds(t)
	for _, a := range []actor.Address{
		{}, {Node: "a", Incarnation: 1000, ID: 1 << 28}, {Node: "b", Incarnation: 1001, ID: 1 << 28}, {Node: "b", Incarnation: 5, ID: 1 << 28},
		{Node: "z", Incarnation: 1, ID: 1<<63 + 1}, {Node: "a", Incarnation: 1000, Name: "n"}, {Node: "b", Incarnation: 1001, Name: "n"},
		{Node: "z", Incarnation: 0, Name: "ö"},
	} {
		pid := e.a.PIDOf(a)
		got, err := e.ba.PID(e.ab.AppendPID(nil, pid))
		if err != nil || got.String() != pid.String() {
			t.Errorf("%v arrived as %v, %v", pid, got, err)
		}
	}
	for _, bad := range [][]byte{{}, {9}, {pidSender}, {pidSender, 0}, {pidOther, 1, 'z'}, {nameSender, 0}, {pidNobody, 0}, {16, 1}, {pidOther, 3, 'a', '/', 'b', 1, 1}} {
		if pid, err := e.ba.PID(bad); err == nil {
			t.Errorf("%v is %v", bad, pid)
		}
	}
}

func TestControlRecords(t *testing.T) {
	from, about := nodeid.ID{Name: "n", Incarnation: 5}, nodeid.ID{Name: "m", Incarnation: 1 << 60}
	for want, rec := range map[string][]byte{
		fmt.Sprintf("%+v", view.Status{ID: from, State: view.Up, ViewID: 99, Load: 0.5, Broken: []nodeid.ID{about}}): appendStatus(nil, status{view.Up, 99, 0.5, []nodeid.ID{about}}),
		fmt.Sprintf("%+v", view.Asked{From: from, ID: about}):                                                        appendAsk(nil, about),
		fmt.Sprintf("%+v", view.Confirmed{From: from, ID: about, Refused: true}):                                     appendAnswer(nil, about, true),
	} {
		in, err := parseControl(rec, from)
		if got := fmt.Sprintf("%+v", in); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
		for i := range rec {
			if _, err := parseControl(rec[:i], from); err == nil {
				t.Errorf("%x is read though it was cut to %d", rec, i)
			}
		}
	}
	if in, err := parseControl([]byte{200, 1, 2}, from); in != nil || err != nil {
		t.Error("a kind of the future is not skipped", in, err)
	}
	info := view.Info{Zone: "z", Weight: 3, Labels: map[string]string{"a": "b", "": "c"}}
	if got, err := parseInfo(appendInfo(nil, info)); err != nil || fmt.Sprint(got) != fmt.Sprint(info) {
		t.Error(got, err)
	}
	r := refusal{&view.AdmitError{Err: view.ErrRemoved, Floor: 7, Rank: view.Rank{Up: 2, Oldest: 3, Self: from}}}
	code, floor, rank, err := parseRefusal(r.RefusalMeta())
	if code != refusedOld || floor != 7 || rank != r.Rank || err != nil {
		t.Error(code, floor, rank, err)
	}
}

// Whatever the bytes: no panic, and what is accepted is written the same way again where that can be.
func FuzzParse(f *testing.F) {
	e := newEnds(f)
	for _, sig := range e.signals() {
		rec, err := appendSignal(nil, &sig, &e.ab, e.types)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(rec)
	}
	f.Add(appendStatus(nil, status{state: view.Up}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := parseSignal(b, &e.ba); err == nil {
			_ = a.decode(e.table, &e.ba)
			if len(a.body) > len(b) {
				t.Fatal("a body out of nothing")
			}
		}
		mine := e.ab
		mine.own = true
		_, _ = parseSignal(b, &mine)
		_, _ = parseControl(b, nodeid.ID{Name: "n", Incarnation: 1})
		_, _, _, _ = parseRefusal(b)
		_, _ = parseInfo(b)
		if pid, err := e.ba.PID(b); err == nil {
			if back, err := e.ab.PID(e.ba.AppendPID(nil, pid)); err != nil || back.String() != pid.String() {
				t.Fatalf("%v came back as %v, %v", pid, back, err)
			}
		}
	})
}
