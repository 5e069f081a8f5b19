package main

import (
	"context"
	"time"

	proto "github.com/asynkron/protoactor-go/actor"
)

// protoPlayer sends every ball on to its next.
type protoPlayer struct {
	next  *proto.PID
	count *tally
}

func (p *protoPlayer) Receive(c proto.Context) {
	b, ok := c.Message().(*ball)
	if !ok {
		return
	}
	b.left--
	if b.left <= 0 {
		p.count.take()
		return
	}
	c.Send(p.next, b)
}

// protoRings spawns rings of that many players each. A ring of two is a pair.
func protoRings(rings, size int) func(*env) (load, error) {
	return func(*env) (load, error) {
		sys, count := newProto(), newTally(1)
		pids := make([]*proto.PID, 0, rings*size)
		first := make([]*proto.PID, rings)
		for r := range rings {
			players := make([]*protoPlayer, size)
			ring := make([]*proto.PID, size)
			for i := range size {
				p := &protoPlayer{count: count}
				players[i] = p
				ring[i] = sys.Root.Spawn(proto.PropsFromProducer(func() proto.Actor { return p }))
			}
			for i, p := range players {
				p.next = ring[(i+1)%size]
			}
			first[r] = ring[0]
			pids = append(pids, ring...)
		}
		return load{
			run: func(ctx context.Context, n int) (int, time.Duration, error) {
				return runBalls(ctx, count, rings, n, func(r int, b *ball) { sys.Root.Send(first[r], b) })
			},
			close: protoClose(sys, pids...),
		}, nil
	}
}
