package actor

import (
	"context"
	"sync/atomic"
)

// stopping is the state of Shutdown.
type stopState struct {
	begun atomic.Bool
	ended chan struct{} // gets a token when a process ended while stopping
	done  chan struct{} // closed when the first Shutdown returned
}

func (s *System) isStopping() bool { return s.stop.begun.Load() }

// oneLess is called when a process ended and everybody was told.
func (s *System) oneLess() {
	if s.stop.begun.Load() {
		select {
		case s.stop.ended <- struct{}{}:
		default:
		}
	}
}

func (s *System) shutdown(ctx context.Context) error {
	if !s.stop.begun.CompareAndSwap(false, true) {
		select {
		case <-s.stop.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer close(s.stop.done)
	err := s.endAll(ctx)
	if err != nil {
		s.table.each(func(p *process) bool { p.kill(nil); return true })
	}
	s.clock.stop()
	s.sched.stop()
	if err == nil {
		err = s.join(ctx)
	}
	return err
}

// join waits for the goroutines of the System.
func (s *System) join(ctx context.Context) error {
	joined := make(chan struct{})
	go func() {
		s.goroutines.Wait()
		s.sched.wg.Wait()
		close(joined)
	}()
	select {
	case <-joined:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endAll ends all processes, those without children first, until there are none.
func (s *System) endAll(ctx context.Context) error {
	for {
		levels := s.levels()
		if len(levels) == 0 {
			return nil
		}
		for i := len(levels) - 1; i >= 0; i-- {
			for _, p := range levels[i] {
				p.tellShutdown()
			}
			for _, p := range levels[i] {
				for p.sig.Load()&sigGone == 0 {
					select {
					case <-s.stop.ended:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			}
		}
	}
}

// levels sorts the processes by the number of living ancestors, each level youngest first. Those whose ancestor ends its
// children itself are left to that.
func (s *System) levels() [][]*process {
	byID := map[uint64]*process{}
	s.table.each(func(p *process) bool { byID[p.id] = p; return true })
	var levels [][]*process
	for _, p := range byID {
		depth, left := 0, false
		for q := byID[p.parent]; q != nil; q = byID[q.parent] {
			depth++
			left = left || q.traits&traitEndsChildren != 0
		}
		if left {
			continue
		}
		for len(levels) <= depth {
			levels = append(levels, nil)
		}
		levels[depth] = append(levels[depth], p)
	}
	return levels
}

// tellShutdown is the exit signal of Shutdown: it ends a process also if it traps exits, as that of an OTP parent does, except those
// that end their own children.
func (p *process) tellShutdown() {
	if p.traits&traitEndsChildren != 0 {
		p.exitSignal(PID{}, Shutdown, false, nil)
		return
	}
	p.endWith(Shutdown, nil)
}
