package strategies

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	restartFirst = time.Second
	restartLimit = time.Minute
)

// part runs one strategy of several, and starts it again when it ends by itself.
type part struct {
	index    int
	strategy Strategy
	cancel   context.CancelFunc // nil while it does not run
	round    int                // counts starts, so that what an ended run still says is not taken for a later one
	done     chan struct{}      // closed when the run before has ended
}

// said is an update with who said it.
type said struct {
	index, round int
	update       Update
}

// parts are strategies that run side by side. One goroutine owns it; the strategies speak to it through events.
type parts struct {
	list   []*part
	events chan said
	wg     sync.WaitGroup
}

func newParts(list []Strategy) *parts {
	ps := &parts{events: make(chan said)}
	for i, s := range list {
		done := make(chan struct{})
		close(done)
		ps.list = append(ps.list, &part{index: i, strategy: s, done: done})
	}
	return ps
}

// start runs part i, after its former run, if there was one, has ended: a strategy has one watcher at a time.
func (ps *parts) start(ctx context.Context, i int) {
	p := ps.list[i]
	if p.cancel != nil {
		return
	}
	ctx, p.cancel = context.WithCancel(ctx)
	p.round++
	round, before, done := p.round, p.done, make(chan struct{})
	p.done = done
	emit := func(u Update) {
		select {
		case ps.events <- said{i, round, u}:
		case <-ctx.Done():
		}
	}
	ps.wg.Go(func() {
		defer close(done)
		<-before
		keepWatching(ctx, p.strategy, emit)
	})
}

func (ps *parts) stop(i int) {
	if p := ps.list[i]; p.cancel != nil {
		p.cancel()
		p.cancel = nil
	}
}

// current reports whether e comes from a run that goes on.
func (ps *parts) current(e said) bool {
	p := ps.list[e.index]
	return p.cancel != nil && p.round == e.round
}

// stopAll returns when all have ended.
func (ps *parts) stopAll() {
	for i := range ps.list {
		ps.stop(i)
	}
	ps.wg.Wait()
}

// keepWatching watches s until ctx ends, whatever s does.
func keepWatching(ctx context.Context, s Strategy, emit func(Update)) {
	for failures := 1; ; failures++ {
		began := time.Now()
		err := watchOnce(ctx, s, emit)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("returned before it was told to")
		}
		if time.Since(began) > restartLimit {
			failures = 1
		}
		source := sourceName(s)
		emit(Update{Source: source, Err: fmt.Errorf("%s: the watch ended: %w", source, err)})
		if !Pause(ctx, Backoff(failures, restartFirst, restartLimit)) {
			return
		}
	}
}

// watchOnce makes a panic an error: sources wrap foreign code.
func watchOnce(ctx context.Context, s Strategy, emit func(Update)) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return s.Watch(ctx, emit)
}

func sourceName(s Strategy) string {
	if named, ok := s.(fmt.Stringer); ok {
		return named.String()
	}
	return fmt.Sprintf("%T", s)
}

// announceAll passes self to every part that can make it known.
func announceAll(list []Strategy, self Peer) error {
	var errs []error
	for _, s := range list {
		errs = append(errs, Announce(s, self))
	}
	return errors.Join(errs...)
}

// checkParts is the common check of Union and Chain.
func checkParts(what string, list []Strategy) error {
	if len(list) == 0 {
		return &ConfigError{what, "Strategies", len(list), "there is none", "give at least one"}
	}
	for i, s := range list {
		if s == nil {
			return &ConfigError{what, fmt.Sprintf("Strategies[%d]", i), nil, "it is nil", "check the error of its New"}
		}
	}
	return nil
}
