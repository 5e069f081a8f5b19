package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/strategies"
)

// leaving bounds how long a node takes to leave after the first signal.
const leaving = 15 * time.Second

// runNode starts a node, prints what happens, and leaves when a signal comes.
func runNode(ctx context.Context, args []string, s surroundings) error {
	o, err := parseRun(args, s)
	if err != nil {
		return err
	}
	cfg, note, err := o.config()
	if err != nil {
		return usageError{fmt.Errorf("run: %w", err)}
	}
	p := &printer{w: s.stdout, json: o.json, now: time.Now}
	if note != "" {
		p.note(note)
	}
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelInfo
	}
	cfg.Logger = slog.New(slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: level}))
	sys, err := actor.NewSystem(o.name, actor.WithLogger(cfg.Logger))
	if err != nil {
		return usageError{fmt.Errorf("run: %w", err)}
	}
	// A first signal ends what is under way; while the node leaves, the next one does.
	first, cancel := interrupted(ctx, s)
	node, err := cluster.Join(first, sys, cfg)
	if err != nil {
		cancel()
		hurry, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaving)
		defer cancel()
		return errors.Join(judge(err), sys.Shutdown(hurry))
	}
	p.follow(node)
	<-first.Done()
	cancel()
	p.note("leaving; a second signal ends the program at once")
	timeout, stop := context.WithTimeout(context.WithoutCancel(ctx), leaving)
	defer stop()
	hurry, cancel := interrupted(timeout, s)
	defer cancel()
	err = errors.Join(node.Leave(hurry), sys.Shutdown(hurry))
	if hurry.Err() != nil && timeout.Err() == nil {
		return errHurried
	}
	if err != nil {
		return fmt.Errorf("the node did not leave in order: %w", err)
	}
	return p.left(node.Self())
}

// interrupted is ctx until a signal comes.
func interrupted(ctx context.Context, s surroundings) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-s.signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-done }
}

// judge tells errors of the configuration from others.
func judge(err error) error {
	_, field := errors.AsType[*cluster.ConfigError](err)
	_, strategy := errors.AsType[*strategies.ConfigError](err)
	if field || strategy || errors.Is(err, cluster.ErrInsecure) {
		return usageError{fmt.Errorf("run: %w", err)}
	}
	return err
}
