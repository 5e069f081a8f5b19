package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// spawnFarIdlers starts n processes at the other node, one after the other.
func (p *pair) spawnFarIdlers(ctx context.Context, n int) ([]actor.PID, error) {
	pids := make([]actor.PID, 0, n)
	for i := range n {
		pid, err := p.node.SpawnOn(ctx, p.far, "bench.idler", idler{int64(i)})
		if err != nil {
			return pids, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// farSpawn starts processes at the other node. They are ended outside the measured time.
func farSpawn(e *env) (load, error) {
	return between("echo", func(p *pair, _ actor.PID) (load, error) {
		watch, err := newWatcher(p)
		return load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
			begin := time.Now()
			pids, err := p.spawnFarIdlers(ctx, n)
			took := time.Since(begin)
			if err == nil {
				_, _, err = watch.endAll(ctx, pids) // which shows that they were alive
			}
			return n, took, err
		}}, err
	})(e)
}

// farDown monitors processes of the other node and kills them, one after the other: one operation lasts until the Down is handled.
// They are started outside the measured time.
func farDown(e *env) (load, error) {
	return between("echo", func(p *pair, _ actor.PID) (load, error) {
		watch, err := newWatcher(p)
		return load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
			pids, err := p.spawnFarIdlers(ctx, n)
			ops, took, err2 := watch.endAll(ctx, pids)
			return ops, took, errors.Join(err, err2)
		}}, err
	})(e)
}

// watcher is a process that kills others one by one and waits for the end of each.
type watcher struct {
	sys    *actor.System
	pid    actor.PID
	doomed []actor.PID
	done   chan error
}

// endMsg tells the watcher whom to end.
type endMsg struct{ pids []actor.PID }

func newWatcher(p *pair) (*watcher, error) {
	w := &watcher{sys: p.sys, done: make(chan error, 1)}
	var err error
	w.pid, err = p.sys.Spawn(w)
	return w, err
}

// endAll ends pids, and times it.
func (w *watcher) endAll(ctx context.Context, pids []actor.PID) (int, time.Duration, error) {
	return tillDone(ctx, len(pids), w.done, func() { w.sys.Send(w.pid, endMsg{pids}) })
}

func (w *watcher) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case endMsg:
		w.doomed = m.pids
	case actor.Down:
		if len(w.doomed) == 0 || m.PID != w.doomed[0] || !errors.Is(m.Reason, actor.Killed) {
			w.done <- fmt.Errorf("an unexpected end: %v, %w", m.PID, m.Reason)
			w.doomed = nil
			return nil
		}
		w.doomed = w.doomed[1:]
	default:
		return ctx.Unhandled()
	}
	if len(w.doomed) == 0 {
		w.done <- nil
		return nil
	}
	ctx.Monitor(w.doomed[0])
	ctx.Exit(w.doomed[0], actor.Kill)
	return nil
}
