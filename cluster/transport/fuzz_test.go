package transport

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

func fuzzHello() Hello {
	h := testHello("node", 7)
	h.Addr, h.Unix, h.Features = "10.0.0.1:700", 1, 5
	h.Facts = map[string]string{"partitions": "16384", "seed": "0"}
	h.Types, h.Lanes, h.Meta = []string{"a.B", "c.D"}, []string{"video"}, []byte{0xff}
	return h
}

// FuzzHello: what is read is written as it was read, and nothing panics or takes much more memory than it has bytes.
func FuzzHello(f *testing.F) {
	r := request{wanted: nodeid.ID{Name: "b", Incarnation: 3}, lane: "bulk", mine: 1, theirs: 2, attempt: 3, received: 4}
	f.Add(appendHead(nil, fuzzHello(), r), appendBody(nil, fuzzHello()))
	f.Add(appendHead(nil, testHello("a", 1), request{}), appendBody(nil, Hello{}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f}, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, head, body []byte) {
		h, r, err := parseHead(head)
		if err == nil {
			again, r2, err := parseHead(appendHead(nil, h, r))
			if err != nil || r2 != r || !reflect.DeepEqual(again, h) {
				t.Fatalf("%+v is read as %+v: %v", h, again, err)
			}
		}
		var with, again Hello
		if parseBody(body, &with) == nil {
			if err := parseBody(appendBody(nil, with), &again); err != nil || !reflect.DeepEqual(with, again) {
				t.Fatalf("%+v is read as %+v: %v", with, again, err)
			}
		}
		if e, err := parseRefuse(body); err == nil && e.Reason == nil {
			t.Fatal("refused without reason")
		}
		readMessage(bytes.NewReader(head), msgHead, maxHead)
	})
}

// FuzzFrames: a reader that gets any bytes delivers records or says what is wrong.
func FuzzFrames(f *testing.F) {
	var o outlog
	o.open = -1
	o.append([]byte("one"), 0)
	o.append(bytes.Repeat([]byte("two "), 50), 0)
	b, _ := o.take(0)
	f.Add(append([]byte(nil), b...))
	f.Add(squeeze(nil, b, 1))
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	large := make([]byte, headerSize, 64)
	header{kind: kindFirst, seq: 1, length: 3}.put(large)
	large = append(large, 4, 'd', 'e')
	more := make([]byte, headerSize, 64)
	header{kind: kindMore, seq: 2, length: 2}.put(more)
	f.Add(append(large, append(more, 'f', 'g')...))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 64 << 10
		var in inbound
		for len(b) >= headerSize {
			h, err := parseHeader(b, limit)
			if err != nil || len(b) < headerSize+int(h.length) {
				return
			}
			payload, err := in.expand(h, b[headerSize:headerSize+int(h.length)], limit)
			b = b[headerSize+int(h.length):]
			if err != nil {
				return
			}
			switch h.kind {
			case kindBatch:
				total := 0
				for len(payload) > 0 {
					rec, rest, err := cutRecord(payload)
					if err != nil {
						return
					}
					total += len(rec)
					payload = rest
				}
				if total > limit {
					t.Fatal("more records than bytes")
				}
			case kindFirst, kindMore:
				rec, err := in.piece(h.kind, payload, limit)
				if err != nil {
					return
				}
				if len(rec) > limit || len(in.large) > limit {
					t.Fatal("larger than allowed")
				}
			}
		}
	})
}

// FuzzOutlog compares the log with a list of records: whatever is appended, taken, acknowledged and lost to a cut, what comes out is
// what went in.
func FuzzOutlog(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 0, 0, 1, 3, 200, 4, 1, 2, 3})
	f.Add([]byte{0, 0, 0, 1, 1, 3, 0, 5, 1, 4, 0, 9, 1, 1, 1})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var o outlog
		o.open = -1
		var want [][]byte // not acknowledged
		var in inbound
		type pin struct {
			seg  *segment
			copy []byte
			at   []byte
		}
		var pins []pin
		lossy := false
		var received, next uint64 // frames; records
		var got uint64            // records delivered
		deliver := func(b []byte) {
			for len(b) > 0 {
				h, err := parseHeader(b, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				payload := b[headerSize : headerSize+int(h.length)]
				b = b[headerSize+int(h.length):]
				if h.seq != received+1 {
					t.Fatalf("frame %d after %d", h.seq, received)
				}
				received++
				if h.kind != kindBatch {
					if rec, err := in.piece(h.kind, payload, 1<<30); err != nil {
						t.Fatal(err)
					} else if rec != nil {
						if !bytes.Equal(rec, want[got]) {
							t.Fatal("large record differs")
						}
						got++
					}
					continue
				}
				for len(payload) > 0 {
					rec, rest, err := cutRecord(payload)
					if err != nil || !bytes.Equal(rec, want[got]) {
						t.Fatalf("record %d differs: %v", got, err)
					}
					got++
					payload = rest
				}
			}
		}
		for i := 0; i < len(ops) && i < 400; i++ {
			switch op := ops[i]; op % 6 {
			case 0, 1: // append
				rec := bytes.Repeat([]byte{byte(next)}, int(op)*int(op)*4)
				next++
				want = append(want, rec)
				if len(rec) > chunkSize {
					o.appendBig(newBig(rec), 0)
				} else {
					o.append(rec, 0)
				}
			case 2: // send, and it arrives, until the connection begins to lose it
				if b, seg := o.take(0); b != nil {
					if lossy = lossy || op > 200; !lossy {
						deliver(b)
					}
					pins = append(pins, pin{seg, append([]byte(nil), b...), b})
				}
			case 3: // a write ends
				if len(pins) > 0 {
					if !bytes.Equal(pins[0].at, pins[0].copy) {
						t.Fatal("bytes changed while they were written")
					}
					o.unpin(pins[0].seg)
					pins = pins[1:]
				}
			case 4: // acknowledged
				if err := o.ack(received); err != nil {
					t.Fatal(err)
				}
			case 5: // cut: the connection's writes end, the peer says what it has
				for _, p := range pins {
					o.unpin(p.seg)
				}
				pins, lossy = nil, false
				if err := o.ack(received); err != nil {
					t.Fatal(err)
				}
				o.rewind()
			}
			if o.size < 0 || o.acked > o.seq {
				t.Fatalf("%+v", o)
			}
		}
		if o.ack(o.sent+1) == nil {
			t.Fatal("an acknowledgement of what was not sent was taken")
		}
		var left [][]byte
		o.records(func(rec []byte, sent bool) { left = append(left, rec) })
		if len(left) > len(want) {
			t.Fatal("more is left than there was")
		}
		for i, rec := range left {
			if !bytes.Equal(rec, want[len(want)-len(left)+i]) {
				t.Fatal("what is left differs")
			}
		}
		if uint64(len(want)-len(left)) > got {
			t.Fatal("something is neither delivered nor left")
		}
	})
}
