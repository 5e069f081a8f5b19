package registry

import (
	"iter"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Names yields all names with their holders, in no order. What changes meanwhile is seen or missed.
func (r *Registry) Names() iter.Seq2[string, actor.PID] {
	return func(yield func(string, actor.PID) bool) {
		for e := range r.table.all() {
			if e.src.gone.Load() || e.src.local && !r.sys.Alive(e.pid) {
				continue
			}
			if !yield(e.name, e.pid) {
				return
			}
		}
	}
}

// Groups are the groups that have members, sorted.
func (r *Registry) Groups() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.core.groups))
	for name := range r.core.groups {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Conflicts are the last conflicts that cost a process of this node its name, the oldest first; at most 1,000.
func (r *Registry) Conflicts() []Conflict {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Clone(r.conflict)
	for i := range list {
		list[i].Holders = slices.Clone(list[i].Holders)
	}
	return list
}

// Stats describes a registry.
type Stats struct {
	Names     int    // with a visible holder
	Groups    int    // with a visible member
	Entries   int    // held, those of nodes out of sight included
	Own       uint64 // operations written by this node
	Contested int    // names with several visible holders now
	Conflicts uint64 // that cost a process of this node its name
	Diverged  uint64 // copies found to be wrong, and fetched anew
	Refused   uint64 // records not taken because of the sender's clock
	Peers     []PeerStats
}

// PeerStats says how far the copy of another node's entries is.
type PeerStats struct {
	Node        string
	Incarnation uint64
	Connected   bool
	Visible     bool
	Synced      bool   // nothing is missing, as far as that node said
	Lag         uint64 // operations known to be missing
	Refused     bool   // its clock is ahead
}

// Stats looks at the registry; it is not for every millisecond.
func (r *Registry) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.core
	s := Stats{
		Names: c.table.len(), Groups: len(c.groups), Entries: c.store.Len(), Own: c.store.Digest().Upto, Contested: len(c.contests),
		Conflicts: c.counts.lost, Diverged: c.counts.diverged, Refused: c.counts.refused,
	}
	for _, p := range c.ordered() {
		x := PeerStats{Node: p.id.Name, Incarnation: p.id.Incarnation, Connected: p.met, Visible: p.shown, Synced: p.synced, Refused: p.refused}
		if have := c.store.Upto(p.shard); p.target > have {
			x.Lag = p.target - have
		}
		s.Peers = append(s.Peers, x)
	}
	return s
}

// unsent reports whether there are operations that were not sent.
func (c *core) unsent() bool { return c.store != nil && c.pushed < c.store.Digest().Upto }

// withdraw takes back all that this node has registered.
func (c *core) withdraw(now time.Time) {
	for id := range c.procs {
		c.exited(id, now)
	}
}

// stopAwait forgets who waited for a name.
func (c *core) stopAwait(name string, w chan struct{}) {
	rest := slices.DeleteFunc(c.awaited[name], func(x chan struct{}) bool { return x == w })
	if len(rest) == 0 {
		delete(c.awaited, name)
	} else {
		c.awaited[name] = rest
	}
}
