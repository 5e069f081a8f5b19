package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/foundation-runtime/foundation/actor"
)

// errCounter: the counter of a reader ended, or its node did.
var errCounter = errors.New("the counter is lost")

// reader reads one file at a time: the words go to the shards, the report to the pool. It keeps nothing between
// files, so a fresh one can take the place of a crashed one.
type reader struct {
	fsys   fs.FS
	pool   actor.PID
	shards []actor.PID
	poison string

	// start starts the process, on another node perhaps, that counts what this one reads. nil: it counts itself.
	start   func(ctx *actor.Context, shards []actor.PID) (actor.PID, error)
	counter actor.PID
}

// Init links the reader to its counter, if it has one: neither is of use without the other.
func (r *reader) Init(ctx *actor.Context) (err error) {
	if r.start == nil {
		return nil
	}
	if r.counter, err = r.start(ctx, r.shards); err == nil {
		ctx.Link(r.counter)
	}
	return err
}

func (r *reader) Receive(ctx *actor.Context, msg any) error {
	j, ok := msg.(job)
	if !ok {
		return ctx.Unhandled()
	}
	var rep report
	var err error
	if r.start == nil {
		rep, err = r.count(ctx, j.path)
	} else {
		rep, err = r.feed(ctx, j.path)
	}
	rep.path = j.path
	switch {
	case errors.Is(err, errCounter):
		return err // neither goes on without the other
	case errors.Is(err, errBinary):
		rep.outcome, rep.why = binary, err
	case err != nil:
		rep.outcome, rep.why = unreadable, err
	}
	ctx.Send(r.pool, rep)
	return nil
}

func (r *reader) open(path string) (fs.File, error) {
	f, err := r.fsys.Open(path)
	if err == nil && r.poison != "" && strings.Contains(path, r.poison) {
		defer f.Close()
		panic(fmt.Sprintf("poisoned by %q", r.poison))
	}
	return f, err
}

// count counts a file here.
func (r *reader) count(ctx *actor.Context, path string) (rep report, err error) {
	var c counts
	// Reading waits for a disk: the other processes of this worker need not.
	ctx.Blocking(func() {
		var f fs.File
		if f, err = r.open(path); err != nil {
			return
		}
		defer f.Close()
		c, err = count(f)
	})
	if err != nil {
		return report{}, err
	}
	// Only a file that was read to its end is sent on, so a crash halfway leaves no half counts behind.
	return report{lines: c.lines, words: c.total, shares: spread(ctx, c.words, r.shards)}, nil
}

// feed sends a file to the counter, piece by piece: the next one when the one before was counted.
func (r *reader) feed(ctx *actor.Context, path string) (report, error) {
	var f fs.File
	var err error
	ctx.Blocking(func() { f, err = r.open(path) })
	if err != nil {
		return report{}, err
	}
	defer f.Close()
	for {
		data := make([]byte, pieceSize)
		var n int
		ctx.Blocking(func() { n, err = io.ReadFull(f, data) })
		p := piece{Data: data[:n], Last: errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)}
		if err != nil && !p.Last {
			// The counter waits for the rest of the file. Told that it is over, it forgets it.
			p = piece{Broken: true}
		}
		v, lost := actor.Ask(ctx, r.counter, p)
		switch {
		case lost != nil:
			return report{}, fmt.Errorf("%w: %w", errCounter, lost)
		case p.Broken:
			return report{}, err
		case v.Binary:
			return report{}, errBinary
		case v.Done:
			return report{lines: v.Lines, words: v.Words, shares: v.Shares}, nil
		}
	}
}
