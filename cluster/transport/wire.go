package transport

import (
	"crypto/tls"
	"net"
	"sync"
)

// wire is a connection that carries frames.
type wire struct {
	conn   net.Conn
	acked  uint64        // what the peer had received when it was made
	broken chan struct{} // closed when it is of no use any more
	once   sync.Once
	err    error // why; set before broken is closed

	// Who sets writing, under the lane's mu, is the one who writes.
	writing bool
	rest    []byte   // what a direct write left to the writer
	restOf  *segment // pinned meanwhile
	nb      *nonblocking
	moved   bool // something was received or acknowledged: it is a working connection
}

func newWire(conn net.Conn, acked uint64) *wire {
	return &wire{conn: conn, acked: acked, broken: make(chan struct{}), nb: newNonblocking(conn)}
}

func (w *wire) fail(err error) {
	w.once.Do(func() {
		w.err = err
		close(w.broken)
		if secure, ok := w.conn.(*tls.Conn); ok {
			secure.NetConn().Close() // closing TLS politely may take seconds
			return
		}
		w.conn.Close()
	})
}

// serve lets records flow over w until it breaks, or the session ends. After it neither reader nor writer runs.
func (l *lane) serve(w *wire) {
	if err := l.attach(w); err != nil {
		w.fail(err)
		l.s.kill(err, false)
		return
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		err := errReaderGone
		defer func() {
			if err == errReaderGone { // the handler called runtime.Goexit: what it has seen of the frame is not known
				l.s.kill(err, false)
			}
			w.fail(err)
		}()
		err = l.read(w)
	}()
	l.write(w)
	l.mu.Lock()
	l.wire, l.parked = nil, false
	l.mu.Unlock()
	if !l.s.draining() {
		w.fail(errReplaced)
	}
	<-read
	w.fail(nil)
}

// attach makes w the wire to write to; what the peer has not received is sent again.
func (l *lane) attach(w *wire) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.out.ack(w.acked); err != nil {
		return err
	}
	if w.acked < l.out.acked {
		return errWentBack
	}
	l.shrunk()
	l.stats.Resent += l.out.rewind()
	l.stats.Connections++
	l.wire = w
	l.ackOut, l.ackDue = l.received.Load(), false
	return nil
}

// write is the writer: it writes what there is, and waits for more.
func (l *lane) write(w *wire) {
	small := make([]byte, headerSize)
	var packed []byte
	for {
		j := l.next(w, small)
		if j.b == nil {
			select {
			case <-l.wake:
				continue
			case <-w.broken:
				return
			case <-l.s.ctx.Done():
				return
			}
		}
		if t := l.s.t.cfg.Compress; t > 0 && j.frames {
			packed = squeeze(packed, j.b, t)
			j.b = packed
		}
		_, err := w.conn.Write(j.b)
		l.wrote(w, j.seg)
		if err != nil {
			w.fail(err)
			return
		}
	}
}

// job is something to write.
type job struct {
	b      []byte   // nil: nothing
	seg    *segment // that b is part of; nil: none
	frames bool     // b is whole frames
}

// next is what the writer writes next. Without anything, the writer is parked.
func (l *lane) next(w *wire, small []byte) job {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.rest != nil {
		j := job{b: w.rest, seg: w.restOf}
		w.rest, w.restOf = nil, nil
		return j
	}
	if l.dead || w.writing {
		l.parked = true
		return job{}
	}
	received := l.received.Load()
	if b, seg := l.out.take(received); b != nil {
		w.writing = true
		l.ackDue, l.ackOut = false, received
		return job{b, seg, true}
	}
	h := header{kind: kindAck, ack: received}
	switch {
	case l.ackDue:
	case l.saying:
		h.kind, l.saying = kindGoodbye, false
	default:
		l.parked = true
		return job{}
	}
	h.put(small)
	w.writing = true
	l.ackDue, l.ackOut = false, received
	return job{b: small}
}

// wrote ends a write.
func (l *lane) wrote(w *wire, seg *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.writing = false
	if seg != nil {
		l.out.unpin(seg)
	}
}

// directFrames is how many unacknowledged frames a direct write leaves: an answer acknowledges, so a conversation stays below, and a
// stream soon reaches it and is batched by the writer.
const directFrames = 4

// direct writes what was just appended in the caller's goroutine, if that cannot block and nobody else writes. l.mu is held. If it
// is true, the lock was released.
func (l *lane) direct() bool {
	w := l.wire
	if w == nil || w.nb == nil || w.writing || l.out.seq-l.out.acked >= directFrames {
		return false
	}
	received := l.received.Load()
	b, seg := l.out.take(received)
	w.writing = true
	l.ackDue, l.ackOut = false, received
	l.mu.Unlock()
	n, err := w.nb.write(b)
	l.mu.Lock()
	if err == nil && n < len(b) {
		w.rest, w.restOf = b[n:], seg // and writing: the writer goes on with it
		l.unpark()
	} else {
		w.writing = false
		l.out.unpin(seg)
		if l.out.waiting() || l.ackDue || l.saying {
			l.unpark()
		}
	}
	l.mu.Unlock()
	if err != nil {
		w.fail(err)
	}
	return true
}
