package main

import (
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
)

// pool hands files to its readers, one to each, and replaces readers that crash. It traps exits: the crash of a reader
// arrives here as a message, and costs the run that one file.
type pool struct {
	collector actor.PID
	files     []string // still to be handed out
	readers   int
	start     func(pool actor.PID) actor.Actor // a fresh reader

	reading  map[actor.PID]string // reader → its file; "" while it has none
	restarts int
}

// poolReport is a report together with the number of readers replaced so far.
type poolReport struct {
	report
	restarts int
}

func (p *pool) Init(ctx *actor.Context) error {
	ctx.TrapExit(true)
	p.reading = make(map[actor.PID]string, p.readers)
	for range min(p.readers, len(p.files)) {
		if err := p.startReader(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *pool) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case report:
		ctx.Send(p.collector, poolReport{m, p.restarts})
		p.handOut(ctx, ctx.Sender())
		return nil
	case actor.ExitSignal:
		return p.replace(ctx, m)
	}
	return ctx.Unhandled()
}

func (p *pool) startReader(ctx *actor.Context) error {
	pid, err := ctx.SpawnLink(p.start(ctx.Self()))
	if err != nil {
		return fmt.Errorf("start a reader: %w", err)
	}
	p.handOut(ctx, pid)
	return nil
}

// handOut gives the reader its next file, if there is one.
func (p *pool) handOut(ctx *actor.Context, to actor.PID) {
	p.reading[to] = ""
	if len(p.files) == 0 {
		return
	}
	p.reading[to], p.files = p.files[0], p.files[1:]
	ctx.Send(to, job{p.reading[to]})
}

// replace starts another reader for one that ended and reports the file it was reading. The end of anything else that
// the pool is linked to, its parent, is its own end.
func (p *pool) replace(ctx *actor.Context, exit actor.ExitSignal) error {
	file, ours := p.reading[exit.From]
	if !ours {
		return exit.Reason
	}
	delete(p.reading, exit.From)
	p.restarts++
	if file != "" {
		ctx.Send(p.collector, poolReport{report{path: file, outcome: poisoned, why: exit.Reason}, p.restarts})
	}
	return p.startReader(ctx)
}
