package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// The processes that every node has.
const (
	sinkName = "sink"
	echoName = "echo"
)

// parcel is a numbered message of a stream, from 1 on.
type parcel struct {
	Stream string
	Seq    uint64
	Pad    []byte
}

// ping is a request.
type ping struct {
	actor.Replies[uint64]
	N uint64
}

// count asks the sink for its receipts.
type count struct{ actor.Replies[[]receipt] }

// receipt is what the sink has of a stream. Seqs ascend but for those counted as Back: they were repeated or overtaken.
type receipt struct {
	Stream, From string
	Got          uint64
	Last         uint64
	Back         uint64
	Gaps         uint64        // places where numbers are missing
	Longest      time.Duration // without a message, between two
	at           time.Time
}

// sink counts parcels by stream and sender's node.
type sink struct{ streams map[[2]string]*receipt }

func (s *sink) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case parcel:
		key := [2]string{m.Stream, ctx.Sender().Node()}
		r := s.streams[key]
		now := time.Now()
		if r == nil {
			r = &receipt{Stream: key[0], From: key[1], at: now}
			s.streams[key] = r
		}
		r.Longest, r.at = max(r.Longest, now.Sub(r.at)), now
		r.Got++
		switch {
		case m.Seq <= r.Last:
			r.Back++
		case m.Seq != r.Last+1:
			r.Gaps++
		}
		r.Last = max(r.Last, m.Seq)
	case count:
		var all []receipt
		for _, r := range s.streams {
			all = append(all, *r)
		}
		actor.Reply(ctx, m, all)
	default:
		return ctx.Unhandled()
	}
	return nil
}

func (p *program) spawn() (err error) {
	if p.sink, err = p.sys.Spawn(&sink{streams: map[[2]string]*receipt{}}, actor.WithName(sinkName)); err != nil {
		return err
	}
	_, err = p.sys.Spawn(actor.Func(func(ctx *actor.Context, msg any) error {
		m, ok := msg.(ping)
		if !ok {
			return ctx.Unhandled()
		}
		actor.Reply(ctx, m, m.N)
		return nil
	}), actor.WithName(echoName))
	return err
}

func (p *program) received(ctx context.Context, _ command, l *line) (err error) {
	l.Streams, err = actor.Ask(ctx, p.sink, count{})
	return err
}

// sender is a stream being sent.
type sender struct {
	sent    atomic.Uint64
	stopped chan struct{}
}

// tickEvery is the pause between two portions of a stream with a rate.
const tickEvery = 2 * time.Millisecond

// send returns when everything was sent, or the stream was stopped. Messages go to whoever is the member To at that time.
func (p *program) send(ctx context.Context, c command, l *line) error {
	s := &sender{stopped: make(chan struct{})}
	p.mu.Lock()
	_, twice := p.senders[c.Stream]
	if !twice {
		p.senders[c.Stream] = s
	}
	p.mu.Unlock()
	if twice {
		return fmt.Errorf("there is a stream %q", c.Stream)
	}
	to, err := p.destination(ctx, c)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	_, err = p.sys.Go(func(proc *actor.Process) error {
		defer close(done)
		s.run(proc, c, to)
		return nil
	})
	if err != nil {
		return err
	}
	<-done
	l.Sent = s.sent.Load()
	return nil
}

// destination is where the messages of a stream go. A member that is gone is what it was last: its messages are dead letters.
func (p *program) destination(ctx context.Context, c command) (func() actor.PID, error) {
	if c.To != "" && c.To[0] == '@' {
		pid, err := p.find(ctx, c)
		return func() actor.PID { return pid }, err
	}
	m, ok := p.node.Member(c.To)
	if !ok {
		return nil, errNoMember
	}
	pid, looked := p.node.Named(m, processName(c)), time.Now()
	return func() actor.PID {
		if now := time.Now(); now.Sub(looked) >= tickEvery {
			if m, ok := p.node.Member(c.To); ok {
				pid = p.node.Named(m, processName(c))
			}
			looked = now
		}
		return pid
	}, nil
}

func (s *sender) run(proc *actor.Process, c command, to func() actor.PID) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	began := time.Now()
	for n := uint64(0); c.Count == 0 || n < uint64(c.Count); {
		due := n + 64
		if c.Rate > 0 {
			select {
			case <-tick.C:
			case <-s.stopped:
				return
			case <-proc.Done():
				return
			}
			due = uint64(time.Since(began).Seconds() * float64(c.Rate))
		}
		if c.Count > 0 {
			due = min(due, uint64(c.Count))
		}
		for ; n < due; n++ {
			select {
			case <-s.stopped:
				return
			case <-proc.Done():
				return
			default:
			}
			s.sent.Store(n + 1) // it is never less than what was sent
			proc.Send(to(), parcel{c.Stream, n + 1, make([]byte, c.Size)})
		}
	}
}

func (p *program) stop(_ context.Context, c command, _ *line) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.senders[c.Stream]
	if !ok {
		return fmt.Errorf("there is no stream %q", c.Stream)
	}
	select {
	case <-s.stopped:
	default:
		close(s.stopped)
	}
	return nil
}
