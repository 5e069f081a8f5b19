package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// closeLimit bounds the end of a system.
const closeLimit = 30 * time.Second

// newSystem starts a system for a workload. It logs nothing: a queue of a million messages is what some ask for.
func newSystem() (*actor.System, error) {
	return actor.NewSystem("bench", actor.WithLogger(slog.New(slog.DiscardHandler)))
}

// closeSystem ends the system and everything in it. Before that it checks that the work was done as it seemed: no dead
// letter, and every message sent was handled.
func closeSystem(sys *actor.System) func() error {
	return func() error {
		ctx, cancel := context.WithTimeoutCause(context.Background(), closeLimit, errTooSlow)
		defer cancel()
		return errors.Join(atRest(ctx, sys), sys.Shutdown(ctx))
	}
}

// atRest waits until nothing is queued or being handled, and checks that nothing was lost. The statistics are exact
// only then: a worker may count a message a moment after its handler told us of it.
func atRest(ctx context.Context, sys *actor.System) error {
	var s actor.Stats
	err := pollUntil(ctx, func() bool {
		s = sys.Stats()
		return s.Queued == 0 && s.Sent == s.Handled+s.Dead
	})
	switch {
	case err != nil:
		return fmt.Errorf("sent %d, handled %d, dead %d, queued %d: %w", s.Sent, s.Handled, s.Dead, s.Queued, err)
	case s.Dead != 0:
		return fmt.Errorf("%d of %d messages became dead letters: %v", s.Dead, s.Sent, s.DeadBy)
	}
	return nil
}

// started returns the load if there was no error; else it ends the system.
func started(sys *actor.System, err error, l load) (load, error) {
	if err != nil {
		return load{}, errors.Join(err, closeSystem(sys)())
	}
	if l.close == nil {
		l.close = closeSystem(sys)
	}
	return l, nil
}
