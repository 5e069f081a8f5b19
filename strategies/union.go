package strategies

import (
	"context"
	"slices"
	"strings"
)

// Union watches several strategies at once. Its set is the union of the last sets of all; one that fails keeps its last
// set and its errors are passed on.
type Union struct{ list []Strategy }

// NewUnion needs at least one strategy.
func NewUnion(list ...Strategy) (*Union, error) {
	if err := checkParts("strategies.Union", list); err != nil {
		return nil, err
	}
	return &Union{slices.Clone(list)}, nil
}

// Announce makes self known through every part that can.
func (u *Union) Announce(self Peer) error { return announceAll(u.list, self) }

// Watch implements [Strategy].
func (u *Union) Watch(ctx context.Context, found func(Update)) error {
	ps := newParts(u.list)
	defer ps.stopAll()
	for i := range u.list {
		ps.start(ctx, i)
	}
	r := NewReporter(u.String(), found)
	sets := make([][]Peer, len(u.list))
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-ps.events:
			if e.update.Err != nil {
				r.Err(e.update.Err)
				continue
			}
			sets[e.index] = e.update.Peers
			r.Set(slices.Concat(sets...))
		}
	}
}

// String names the parts.
func (u *Union) String() string { return "union(" + names(u.list) + ")" }

func names(list []Strategy) string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = sourceName(s)
	}
	return strings.Join(all, ", ")
}
