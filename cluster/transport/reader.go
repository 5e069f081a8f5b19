package transport

import (
	"encoding/binary"
	"fmt"
	"io"
)

// inbound is what the lane's reader keeps from frame to frame, over connections too.
type inbound struct {
	large []byte // a large record, as far as it has come
	total int    // its length; 0: there is none under way
	plain []byte // a frame that came compressed
}

// ackBytes is how much is received before an acknowledgement is sent without waiting for a frame to ride on.
const ackBytes = 64 << 10

// read delivers frames until w breaks. It is the only reader of the lane.
func (l *lane) read(w *wire) error {
	buf := make([]byte, segmentSize/8) // grows while the peer fills it
	from, to, behind, full := 0, 0, 0, false
	for {
		need := headerSize
		for to-from >= headerSize {
			h, err := parseHeader(buf[from:], l.s.t.cfg.Limits.Frame)
			if err != nil {
				return l.malformed(err)
			}
			need = headerSize + int(h.length)
			if to-from < need {
				break
			}
			if err := l.frame(w, h, buf[from+headerSize:from+need]); err != nil {
				return err
			}
			from += need
			if h.seq != 0 {
				behind += need
				l.due(behind >= ackBytes)
				if behind >= ackBytes {
					behind = 0
				}
			}
			need = headerSize
		}
		if from > 0 {
			to = copy(buf, buf[from:to])
			from = 0
		}
		if need > len(buf) || full && len(buf) < segmentSize {
			grown := make([]byte, max(need, min(2*len(buf), segmentSize)))
			copy(grown, buf[:to])
			buf = grown
		}
		n, err := w.conn.Read(buf[to:])
		if err != nil {
			return err
		}
		to += n
		full = to == len(buf)
		l.s.hear()
		w.moved = true
	}
}

// malformed ends the session: whoever sends that cannot be understood again.
func (l *lane) malformed(err error) error {
	err = fmt.Errorf("%w (lane %s of %v)", err, l.name, l.s.id)
	l.s.kill(err, false)
	return err
}

// frame handles one frame.
func (l *lane) frame(w *wire, h header, payload []byte) error {
	if h.ack > w.acked {
		if err := l.acked(h.ack); err != nil {
			return l.malformed(err)
		}
		w.acked = h.ack
	}
	switch h.kind {
	case kindAck:
		return nil
	case kindGoodbye:
		l.s.kill(ErrGoodbye, true)
		return io.EOF
	}
	if want := l.received.Load() + 1; h.seq != want {
		return l.malformed(fmt.Errorf("%w: frame %d came where %d belongs", ErrMalformed, h.seq, want))
	}
	payload, err := l.in.expand(h, payload, l.s.t.cfg.Limits.Frame)
	if err == nil {
		err = l.deliver(h.kind, payload)
	}
	if err != nil {
		return l.malformed(err)
	}
	l.received.Store(h.seq)
	return nil
}

// deliver passes on the records of a frame.
func (l *lane) deliver(kind byte, payload []byte) error {
	in, handler := &l.in, l.s.t.handler
	if kind != kindBatch {
		rec, err := in.piece(kind, payload, l.s.t.cfg.Limits.Message)
		if rec != nil {
			handler.Record(l.s, l.id, rec)
		}
		return err
	}
	if in.total != 0 {
		return fmt.Errorf("%w: a batch inside a large record", ErrMalformed)
	}
	for len(payload) > 0 {
		rec, rest, err := cutRecord(payload)
		if err != nil {
			return err
		}
		handler.Record(l.s, l.id, rec)
		payload = rest
	}
	return nil
}

// piece adds a piece of a large record, and returns the record when it is complete. Memory is taken as pieces arrive.
func (in *inbound) piece(kind byte, payload []byte, limit int) ([]byte, error) {
	if (kind == kindFirst) != (in.total == 0) {
		return nil, fmt.Errorf("%w: pieces of large records out of order", ErrMalformed)
	}
	if kind == kindFirst {
		n, k := binary.Uvarint(payload)
		if k <= 0 || n == 0 || n > uint64(limit) {
			return nil, fmt.Errorf("%w: a record of %d bytes; Limits.Message is %d", ErrMalformed, n, limit)
		}
		in.total, payload = int(n), payload[k:]
	}
	if len(payload) == 0 || len(payload) > in.total-len(in.large) {
		return nil, fmt.Errorf("%w: a large record is longer than it said, or does not grow", ErrMalformed)
	}
	in.large = append(in.large, payload...)
	if len(in.large) < in.total {
		return nil, nil
	}
	rec := in.large
	in.large, in.total = rec[:0], 0
	if cap(rec) > keepLarge {
		in.large = nil
	}
	return rec, nil
}

// keepLarge is the largest buffer that a lane keeps for the next large record.
const keepLarge = 2 << 20
