package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// attacker speaks the protocol by hand.
type attacker struct {
	net.Conn
	t testing.TB
}

// attack finishes a handshake for the default lane's predecessor, control, as node x.
func attack(t testing.TB, to *Transport) *attacker {
	c, err := net.Dial("tcp", to.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	x := &attacker{c, t}
	h := testHello("x", 1)
	h.Unix = time.Now().UnixMilli()
	b := append(append([]byte(nil), magic[:]...), sessionPreface)
	c.Write(appendHello(b, h, request{wanted: to.node, lane: "control", mine: 5, attempt: 1}, true))
	if err := readMagic(c); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []byte{msgHead, msgBody} {
		if _, err := readMessage(c, kind, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	c.Write(appendMessage(nil, msgConfirm, nil))
	if _, err := readMessage(c, msgReady, 0); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *attacker) frame(h header, payload []byte) {
	b := make([]byte, headerSize)
	if h.length == 0 {
		h.length = uint32(len(payload))
	}
	h.put(b)
	x.Write(append(b, payload...))
}

// TestMalformedFrames: whatever a peer that passed the handshake sends, its session ends with a reason and nobody else's does.
func TestMalformedFrames(t *testing.T) {
	big := binary.AppendUvarint(nil, 17<<20)
	for name, send := range map[string]func(*attacker){
		"unknown kind":         func(x *attacker) { x.frame(header{kind: 77}, nil) },
		"unknown flag":         func(x *attacker) { x.frame(header{kind: kindBatch, seq: 1, flags: 2}, []byte{0}) },
		"too long":             func(x *attacker) { x.frame(header{kind: kindBatch, seq: 1, length: 1<<20 + 1}, nil) },
		"empty":                func(x *attacker) { x.frame(header{kind: kindBatch, seq: 1}, nil) },
		"hole":                 func(x *attacker) { x.frame(header{kind: kindBatch, seq: 2}, []byte{0}) },
		"record too long":      func(x *attacker) { x.frame(header{kind: kindBatch, seq: 1}, []byte{5, 1, 2}) },
		"endless length":       func(x *attacker) { x.frame(header{kind: kindBatch, seq: 1}, bytes.Repeat([]byte{0xff}, 20)) },
		"ack of nothing":       func(x *attacker) { x.frame(header{kind: kindAck, ack: 1}, nil) },
		"ack of all":           func(x *attacker) { x.frame(header{kind: kindAck, ack: 1<<64 - 1}, nil) },
		"more without first":   func(x *attacker) { x.frame(header{kind: kindMore, seq: 1}, []byte{1}) },
		"large record too big": func(x *attacker) { x.frame(header{kind: kindFirst, seq: 1}, append(big, 1)) },
		"larger than said":     func(x *attacker) { x.frame(header{kind: kindFirst, seq: 1}, []byte{2, 1, 1, 1}) },
		"first that is empty":  func(x *attacker) { x.frame(header{kind: kindFirst, seq: 1}, []byte{2}) },
		"batch inside": func(x *attacker) {
			x.frame(header{kind: kindFirst, seq: 1}, []byte{9, 1})
			x.frame(header{kind: kindBatch, seq: 2}, []byte{0})
		},
		"not S2": func(x *attacker) { x.frame(header{kind: kindBatch, seq: 1, flags: 1}, []byte{200, 200, 200}) },
		"bomb": func(x *attacker) {
			x.frame(header{kind: kindBatch, seq: 1, flags: 1}, binary.AppendUvarint(nil, 1<<31))
		},
		"flagged ack":  func(x *attacker) { x.frame(header{kind: kindAck, flags: 1}, nil) },
		"numbered ack": func(x *attacker) { x.frame(header{kind: kindAck, seq: 1}, nil) },
		"garbage":      func(x *attacker) { x.Write([]byte("POST / HTTP/1.1\r\nHost: somewhere\r\n\r\n")) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newRecorder()
			to := startNode(t, "h", h)
			x := attack(t, to)
			h.next(t, "up")
			send(x)
			if e := h.next(t, "down"); !errors.Is(e.err, ErrMalformed) {
				t.Fatal(e.err)
			}
			if _, err := io.Copy(io.Discard, x); err != nil && errors.Is(err, context.DeadlineExceeded) {
				t.Fatal("still open")
			}
			pair(t, startNode(t, "good", newRecorder()), to)
		})
	}
}

// TestBatchByHand: what the documentation says of frames.
func TestBatchByHand(t *testing.T) {
	h := newRecorder()
	x := attack(t, startNode(t, "h", h))
	x.frame(header{kind: kindBatch, seq: 1}, []byte("\x01a\x00\x02bc"))
	x.frame(header{kind: kindFirst, seq: 2}, []byte("\x04de"))
	x.frame(header{kind: kindMore, seq: 3}, []byte("fg"))
	got := h.wait(t, Control, 4)
	if got[0] != "a" || got[1] != "" || got[2] != "bc" || got[3] != "defg" {
		t.Fatalf("%q", got)
	}
	b := make([]byte, headerSize)
	for { // an acknowledgement comes by itself
		if _, err := io.ReadFull(x, b); err != nil {
			t.Fatal(err)
		}
		if h := getHeader(b); h.kind == kindAck && h.ack == 3 {
			break
		}
	}
	x.frame(header{kind: kindGoodbye}, nil)
	h.next(t, "up")
	if e := h.next(t, "down"); e.err != ErrGoodbye {
		t.Fatal(e.err)
	}
}

// TestSlowStrangers: handshakes that take their time end in time, those too many at once, and sessions that are there go on.
func TestSlowStrangers(t *testing.T) {
	h, hg := newRecorder(), newRecorder()
	quick := func(c *Config) { c.Timing.Handshake, c.Limits.Pending = 2*time.Second, 64 }
	to, good := startNode(t, "h", h, quick), startNode(t, "good", hg)
	s := pair(t, good, to)
	h.next(t, "up")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const strangers = 200
	began := time.Now()
	ended := make(chan time.Duration, strangers)
	for i := range strangers {
		c, err := net.Dial("tcp", to.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() {
			begin := []byte{magic[0], magic[1], magic[2], magic[3], 0, 0, 15, 0, 0, msgHead, 3, 'a'}
			c.Write(begin[:i%len(begin)])
			io.Copy(io.Discard, c)
			ended <- time.Since(began)
		}()
	}
	mustSend(t, s, Default, "x")
	h.wait(t, Default, 1)
	runtime.GC()
	runtime.ReadMemStats(&after)
	at := map[bool]int{}
	for range strangers {
		d := <-ended
		at[d < 1500*time.Millisecond]++
		if d > 8*time.Second {
			t.Fatalf("a stranger stayed %v", d)
		}
	}
	if at[true] < strangers-64 {
		t.Fatalf("%d of %d were closed at once; 64 may wait", at[true], strangers)
	}
	grown := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)
	t.Logf("%d bytes for each of 64", grown/64)
	if grown > 64*(64<<10) {
		t.Fatalf("%d bytes for 64 strangers", grown)
	}
	late := time.After(10 * time.Second)
	for {
		to.mu.Lock()
		pending, conns := to.mu.pending, len(to.mu.conns)
		to.mu.Unlock()
		if pending == 0 && conns == 0 {
			break
		}
		select {
		case <-late:
			t.Fatal(pending, conns)
		case <-time.After(5 * time.Millisecond):
		}
	}
	pair(t, startNode(t, "later", newRecorder()), to)
}

// TestHalfHandshakes: sessions that were begun and never confirmed leave nothing behind.
func TestHalfHandshakes(t *testing.T) {
	h := newRecorder()
	to := startNode(t, "h", h)
	for i := range 50 {
		c, err := net.Dial("tcp", to.Addr())
		if err != nil {
			t.Fatal(err)
		}
		hello := testHello("x", nodeid.Incarnation(i+1))
		b := append(append([]byte(nil), magic[:]...), sessionPreface)
		c.Write(appendHello(b, hello, request{wanted: to.node, lane: "control", mine: 5, attempt: 1}, true))
		if err := readMagic(c); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	late := time.After(10 * time.Second)
	for {
		to.mu.Lock()
		n := len(to.mu.sessions)
		to.mu.Unlock()
		if n == 0 {
			break
		}
		select {
		case <-late:
			t.Fatalf("%d sessions are left", n)
		case <-time.After(5 * time.Millisecond):
		}
	}
	h.none(t)
}

// TestStolenSession: a lane of a session is given only to who knows both its numbers.
func TestStolenSession(t *testing.T) {
	h := newRecorder()
	to := startNode(t, "h", h)
	pair(t, startNode(t, "x", newRecorder()), to)
	h.next(t, "up")
	c, err := net.Dial("tcp", to.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := append(append([]byte(nil), magic[:]...), sessionPreface)
	c.Write(appendHello(b, testHello("x", 1), request{wanted: to.node, lane: "default", mine: 1, theirs: 2, attempt: 9}, false))
	if err := readMagic(c); err != nil {
		t.Fatal(err)
	}
	if _, err := readMessage(c, msgHead, maxHead); !errors.Is(err, ErrUnknownSession) {
		t.Fatal(err)
	}
	h.none(t)
}
