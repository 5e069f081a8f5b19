package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestRecordsBothWays(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	a, b := startNode(t, "a", ha), startNode(t, "b", hb)
	sa := pair(t, a, b)
	ha.next(t, "up")
	sb := hb.next(t, "up").session
	if sa.Peer().Node != b.node || sb.Peer().Node != a.node || sb.Peer().Addr != a.Addr() {
		t.Fatal(sa.Peer(), sb.Peer())
	}
	const n = 10000
	for i := range n {
		for _, s := range []*Session{sa, sb} {
			for lane := Control; lane <= Bulk; lane++ {
				if err := s.Send(lane, fmt.Appendf(nil, "%d", i), i%7 == 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, h := range []*recorder{ha, hb} {
		for lane := Control; lane <= Bulk; lane++ {
			for i, rec := range h.wait(t, lane, n) {
				if rec != fmt.Sprint(i) {
					t.Fatalf("lane %d: record %d is %q", lane, i, rec)
				}
			}
		}
	}
	ha.none(t)
	hb.none(t)
}

func TestQueuedBeforeConnected(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	a, b := startNode(t, "a", ha), startNode(t, "b", hb)
	s, err := a.Session(b.node, b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		mustSend(t, s, Bulk, "%d", i)
		mustSend(t, s, Default, "%d", i)
	}
	hb.wait(t, Bulk, 1000)
	for i, rec := range hb.wait(t, Default, 1000) {
		if rec != fmt.Sprint(i) {
			t.Fatal(i, rec)
		}
	}
	if again, _ := a.Session(b.node, b.Addr()); again != s {
		t.Fatal("another session")
	}
}

func TestLargeRecords(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	a, b := startNode(t, "a", ha), startNode(t, "b", hb)
	s := pair(t, a, b)
	var want []string
	for _, n := range []int{0, 1, 127, 128, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 2*chunkSize + 1, 3 << 20, 5, 16 << 20} {
		rec := bytes.Repeat([]byte{byte(n)}, n)
		for {
			err := s.Send(Bulk, rec, false)
			if err == nil {
				break
			}
			if err != ErrFull {
				t.Fatal(err)
			}
			if err := s.Wait(context.Background(), Bulk); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, string(rec))
	}
	for i, rec := range hb.wait(t, Bulk, len(want)) {
		if rec != want[i] {
			t.Fatalf("record %d has %d bytes, want %d", i, len(rec), len(want[i]))
		}
	}
	if err := s.Send(Bulk, make([]byte, 16<<20+1), false); err != ErrTooLarge {
		t.Fatal(err)
	}
	if err := s.Send(9, nil, false); err != ErrLane {
		t.Fatal(err)
	}
}

func TestGoodbye(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	a, b := startNode(t, "a", ha), startNode(t, "b", hb)
	s := pair(t, a, b)
	ha.next(t, "up")
	hb.next(t, "up")
	for i := range 1000 {
		mustSend(t, s, Default, "%d", i)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := a.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if e := ha.next(t, "down"); e.err != ErrClosed || len(e.lost) != 0 {
		t.Fatal(e.err, e.lost)
	}
	if e := hb.next(t, "down"); e.err != ErrGoodbye || len(e.lost) != 0 {
		t.Fatal(e.err, e.lost)
	}
	if got := hb.wait(t, Default, 1000); len(got) != 1000 {
		t.Fatal(len(got))
	}
	if err := a.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Session(b.node, b.Addr()); err != ErrClosed {
		t.Fatal(err)
	}
	if err := s.Send(Default, nil, false); err != ErrDown {
		t.Fatal(err)
	}
	if err := s.Wait(ctx, Default); err != ErrDown {
		t.Fatal(err)
	}
}

func TestNobodyThere(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	quick := func(c *Config) { c.Timing.Connect = 200 * time.Millisecond }
	a, b := startNode(t, "a", ha, quick), startNode(t, "b", hb)
	closeNow(b)
	s, err := a.Session(b.node, b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, Default, "x")
	e := ha.next(t, "down")
	if !errors.Is(e.err, ErrUnreachable) || len(e.lost) != 1 || e.lost[0].InDoubt || string(e.lost[0].Record) != "x" {
		t.Fatal(e.err, e.lost)
	}
}
