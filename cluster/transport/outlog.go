package transport

import (
	"encoding/binary"
	"fmt"
	"sync"
)

// outlog is what a lane has to say: frames that were sent and not acknowledged, then frames that wait, then the open frame that
// takes the next record. It knows neither time nor connections.
//
//	head …… cursor …… tail
//	 sent,   to send     open frame
//	 unacked
//
// Frames lie one behind the other in segments, so what waits is written with one write, again after a reconnect too, and what is
// kept costs no more memory than its bytes.
type outlog struct {
	head, cursor, tail *segment
	headAt, cursorAt   int
	open               int    // where in tail the open frame begins; -1: there is none
	seq                uint64 // the last frame that was closed
	acked              uint64 // the last that was acknowledged
	sent               uint64 // the last that was ever given to a connection
	size               int    // bytes from head to the end
}

// segment holds whole frames. It is recycled when all of them are acknowledged and no write reads it: a peer may acknowledge what
// is still being written.
type segment struct {
	buf  []byte
	end  int
	last uint64 // number of its last closed frame
	pins int
	gone bool // not in the log any more
	big  bool // holds one large record
	next *segment
}

var segments = sync.Pool{New: func() any { return &segment{buf: make([]byte, segmentSize)} }}

// append adds a record that is not large.
func (o *outlog) append(rec []byte, ack uint64) {
	n := len(rec)
	need := n + uvarintLen(n)
	if o.tail == nil || o.open < 0 || o.end()+need > segmentSize {
		o.begin(need, ack)
	}
	s := o.tail
	at := s.end
	if n < 0x80 {
		s.buf[at] = byte(n)
		at++
	} else {
		at += binary.PutUvarint(s.buf[at:], uint64(n))
	}
	at += copy(s.buf[at:], rec)
	s.end = at
	o.size += need
}

func (o *outlog) end() int { return o.tail.end }

// begin opens a frame with room for need bytes.
func (o *outlog) begin(need int, ack uint64) {
	o.close(ack)
	if o.tail == nil || o.tail.big || o.tail.end+headerSize+need > segmentSize {
		o.link(segments.Get().(*segment))
	}
	o.open = o.tail.end
	o.tail.end += headerSize
	o.size += headerSize
}

func (o *outlog) link(s *segment) {
	if o.tail == nil {
		o.head, o.cursor = s, s
		o.headAt, o.cursorAt = 0, 0
	} else {
		o.tail.next = s
	}
	o.tail = s
}

// close gives the open frame its number.
func (o *outlog) close(ack uint64) {
	if o.tail == nil || o.open < 0 {
		return
	}
	o.seq++
	s := o.tail
	s.last = o.seq
	header{length: uint32(s.end - o.open - headerSize), kind: kindBatch, seq: o.seq, ack: ack}.put(s.buf[o.open:])
	o.open = -1
}

// newBig cuts a large record into frames without numbers. It needs no lock.
func newBig(rec []byte) *segment {
	var length [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(length[:], uint64(len(rec)))
	s := &segment{big: true, buf: make([]byte, 0, len(rec)+k+(len(rec)/chunkSize+1)*headerSize)}
	for kind := byte(kindFirst); len(rec) > 0; kind = kindMore {
		n := min(len(rec), chunkSize)
		h := header{length: uint32(n), kind: kind}
		if kind == kindFirst {
			h.length += uint32(k)
		}
		s.buf = s.buf[:len(s.buf)+headerSize]
		h.put(s.buf[len(s.buf)-headerSize:])
		if kind == kindFirst {
			s.buf = append(s.buf, length[:k]...)
		}
		s.buf = append(s.buf, rec[:n]...)
		rec = rec[n:]
	}
	s.end = len(s.buf)
	return s
}

// appendBig adds what newBig made.
func (o *outlog) appendBig(s *segment, ack uint64) {
	o.close(ack)
	for at := 0; at < s.end; {
		h := getHeader(s.buf[at:])
		o.seq++
		h.seq, h.ack = o.seq, ack
		h.put(s.buf[at:])
		at += headerSize + int(h.length)
	}
	s.last = o.seq
	o.link(s)
	o.open = -1
	o.size += s.end
}

// waiting reports whether there is anything to send.
func (o *outlog) waiting() bool {
	return o.tail != nil && (o.cursor != o.tail || o.cursorAt < o.tail.end)
}

// take returns whole frames, up to a segment, that the connection gets next. The segment is pinned until unpin.
func (o *outlog) take(ack uint64) ([]byte, *segment) {
	for o.cursor != nil && o.cursor != o.tail && o.cursorAt == o.cursor.end {
		o.cursor, o.cursorAt = o.cursor.next, 0
	}
	s := o.cursor
	if s == nil || o.cursorAt == s.end {
		return nil, nil
	}
	if s == o.tail {
		o.close(ack)
	}
	from, last := o.cursorAt, s.last
	o.cursorAt = s.end
	if s.big { // a frame at a time, so that acknowledgements are not held up
		h := getHeader(s.buf[from:])
		o.cursorAt, last = from+headerSize+int(h.length), h.seq
	}
	o.sent = max(o.sent, last)
	if s.pins == 0 { // else a lost connection's write may still read it
		binary.LittleEndian.PutUint64(s.buf[from+16:], ack) // it may have waited for long
	}
	s.pins++
	return s.buf[from:o.cursorAt:o.cursorAt], s
}

// unpin ends the write that take began.
func (o *outlog) unpin(s *segment) {
	s.pins--
	if s.gone {
		s.recycle()
		return
	}
	o.trim()
}

// ack drops the frames up to seq, or says that the peer cannot have received that.
func (o *outlog) ack(seq uint64) error {
	if seq <= o.acked {
		return nil
	}
	if seq > o.sent {
		return fmt.Errorf("%w: frame %d is acknowledged, %d is the last that was sent", ErrMalformed, seq, o.sent)
	}
	for o.acked < seq {
		if o.headAt == o.head.end {
			o.pop()
			continue
		}
		n := headerSize + int(binary.LittleEndian.Uint32(o.head.buf[o.headAt:]))
		o.headAt += n
		o.acked++
		if !o.head.big { // a large record is kept, and counted, whole
			o.size -= n
		}
	}
	o.trim()
	return nil
}

// trim lets go of what is acknowledged to its end.
func (o *outlog) trim() {
	for o.head != nil && o.headAt == o.head.end && o.open < 0 && (o.head != o.tail || o.head.pins == 0) {
		o.pop()
	}
}

// pop takes the first segment out.
func (o *outlog) pop() {
	s := o.head
	if s.big {
		o.size -= s.end
	}
	o.head, o.headAt = s.next, 0
	if o.cursor == s {
		o.cursor, o.cursorAt = s.next, 0
	}
	if o.tail == s {
		o.tail, o.open = nil, -1
	}
	s.gone = true
	s.recycle()
}

func (s *segment) recycle() {
	if s.pins == 0 && !s.big {
		*s = segment{buf: s.buf}
		segments.Put(s)
	}
}

// rewind makes the next take begin with the first frame that is not acknowledged: a new connection. It returns how many frames
// go a second time.
func (o *outlog) rewind() uint64 {
	o.cursor, o.cursorAt = o.head, o.headAt
	return o.sent - o.acked
}

// records calls f with every record that is not acknowledged to its end, in order, and whether it was given to a connection.
func (o *outlog) records(f func(rec []byte, sent bool)) {
	at := o.headAt
	for s := o.head; s != nil; s, at = s.next, 0 {
		if s.big {
			s.bigRecord(o.sent, f)
			continue
		}
		for at < s.end {
			sent, end := false, s.end
			if s != o.tail || at != o.open {
				h := getHeader(s.buf[at:])
				sent, end = h.seq <= o.sent, at+headerSize+int(h.length)
			}
			for batch := s.buf[at+headerSize : end]; len(batch) > 0; {
				rec, rest, err := cutRecord(batch)
				if err != nil {
					panic(err) // our own bytes
				}
				f(rec, sent)
				batch = rest
			}
			at = end
		}
	}
}

// bigRecord puts the pieces of a large record together.
func (s *segment) bigRecord(sent uint64, f func([]byte, bool)) {
	if s.end == 0 {
		return
	}
	var rec []byte
	first := getHeader(s.buf)
	for at := 0; at < s.end; {
		h := getHeader(s.buf[at:])
		piece := s.buf[at+headerSize : at+headerSize+int(h.length)]
		if h.kind == kindFirst {
			n, k := binary.Uvarint(piece)
			rec, piece = make([]byte, 0, n), piece[k:]
		}
		rec = append(rec, piece...)
		at += headerSize + int(h.length)
	}
	f(rec, first.seq <= sent)
}
