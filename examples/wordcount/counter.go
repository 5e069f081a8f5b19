package main

import (
	"errors"
	"io"

	"github.com/foundation-runtime/foundation/actor"
)

// pieceSize is how much of a file travels at a time.
const pieceSize = 64 << 10

// piece is a part of a file, for a counter.
type piece struct {
	actor.Replies[verdict]
	Data   []byte
	Last   bool
	Broken bool // there will be no more, and the file does not count
}

// verdict answers a piece, when it was counted: give me more, or this is what was in the file.
type verdict struct {
	Done         bool
	Binary       bool
	Lines, Words int64
	Shares       []int64
}

// counter counts the files of one reader, which may be on another node, and sends the words to the shards.
type counter struct{ shards []actor.PID }

// run is a process in the blocking style: it receives where a program for one machine would read.
func (c counter) run(p *actor.Process) error {
	for {
		file := pieces{process: p}
		got, err := count(&file)
		switch {
		case err == nil:
			actor.Reply(p, file.last, verdict{Done: true, Lines: got.lines, Words: got.total, Shares: spread(p, got.words, c.shards)})
		case errors.Is(err, errBinary):
			actor.Reply(p, file.last, verdict{Done: true, Binary: true})
		case errors.Is(err, errBroken):
			actor.Reply(p, file.last, verdict{Done: true})
		default:
			return err // told to exit
		}
	}
}

// errBroken ends a file whose reader could not go on.
var errBroken = errors.New("broken")

// pieces is a file as it arrives.
type pieces struct {
	process *actor.Process
	last    piece // received; its reader waits for an answer
	begun   bool
	rest    []byte // of its data
}

// Read implements io.Reader.
func (r *pieces) Read(b []byte) (int, error) {
	for len(r.rest) == 0 {
		switch {
		case r.last.Last:
			return 0, io.EOF
		case r.begun:
			actor.Reply(r.process, r.last, verdict{}) // more
		}
		msg, err := r.process.Receive(r.process.Context())
		if err != nil {
			return 0, err
		}
		p, ok := msg.(piece)
		if !ok {
			continue // nobody sends anything else
		}
		if r.last, r.begun = p, true; p.Broken {
			return 0, errBroken
		}
		r.rest = p.Data
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
