package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
)

// ledger keeps counters in a file, so that they outlive a process that is killed: what was written is in the hands of the system.
type ledger struct{ f *os.File }

// cell is a counter, of which there is one for each node.
type cell int

const (
	sentCell cell = iota
	gotCell
	gapCell
	cells
)

func openLedger(path string) (*ledger, error) {
	f, err := os.Create(path)
	return &ledger{f}, err
}

func offset(c cell, node string) int64 {
	return 8 * int64(int(c)*len(names)+slices.Index(names[:], node))
}

func (l *ledger) write(c cell, node string, n uint64) error {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	_, err := l.f.WriteAt(b[:], offset(c, node))
	return err
}

func (l *ledger) close() error { return l.f.Close() }

// readLedger returns a function that looks into the ledger at path.
func readLedger(path string) (func(c cell, node string) uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the ledger of a node: %w", err)
	}
	text = append(text, make([]byte, 8*int(cells)*len(names))...) // what was never written is 0
	return func(c cell, node string) uint64 { return binary.BigEndian.Uint64(text[offset(c, node):]) }, nil
}
