package distributed

import (
	"cmp"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/handoff"
	"github.com/foundation-runtime/foundation/cluster/placement"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// member is one life of a node, as membership knows it. The shard it writes has an incarnation of its own.
type member struct {
	Name        string
	Incarnation uint64
}

func (m member) compare(other member) int {
	return cmp.Or(cmp.Compare(m.Name, other.Name), cmp.Compare(m.Incarnation, other.Incarnation))
}

// place is a node as somewhere to run.
type place struct {
	name   string
	zone   string
	labels map[string]string
	weight int
}

// presence is what membership says of a member that is not down.
type presence struct {
	of member
	place
	up        bool // it takes part, as far as it is heard of
	reachable bool
}

// child is what is known of one child.
type child struct {
	id   string
	spec *spec // nil: deleted, or not known
	last seen
	job
	waiters []*waiter

	// Moves. While old is there, job is what is moved away; copy is what may be moved here.
	old         *handoff.Old
	parked      *handoff.State // waits for room
	lost        error          // the process has ended meanwhile
	left        left
	tries       int
	retryAt     time.Time
	copy        *handoff.New
	copyGuard   uint64
	copyProcess uint64
	copyLost    error
}

// seen is the greatest activation that was ever seen.
type seen struct {
	epoch  uint64
	origin crdt.Origin // zero if somebody else told
	note   note
}

// waiter waits for something to be true of a child.
type waiter struct {
	ok   func(ch *child) bool
	done chan struct{}
}

// core is the supervisor of one node as a state machine: it is told what happens and at what time, and leaves in out what has to
// be done. It is not safe for concurrent use.
type core struct {
	warn   func(text string, args ...any)
	layout placement.Config
	tables map[uint64][]string // of types, by hash

	self     member
	home     place
	selfUp   bool
	ready    bool // there was a copy of everything; from then on this node starts children
	leaving  bool // it starts none any more
	halted   bool // what ends now is not started again: the System ends
	store    *crdt.Store
	specs    crdt.Register[string, *spec]
	clock    crdt.Clock
	children map[string]*child
	peers    map[member]*peer
	newest   map[string]uint64 // incarnations of the other nodes whose shards are held
	sources  map[crdt.Origin]member
	losses   map[member]*loss
	pushed   uint64 // number of our last operation that was sent to everybody
	table    *placement.Table
	places   []place

	hash      uint64 // of our own table of types
	root      uint64 // the process that the others tell
	guards    uint64 // the number of the last guard
	viewID    uint64 // of the members that are there
	viewSince time.Time
	leftAt    time.Time
	askedAt   time.Time // for flushes, last
	always    bool      // what belongs elsewhere is moved there
	once      bool      // the same, until it is done
	rate      int       // moves per second then
	moved     float64   // of them, those that count still
	movedAt   time.Time
	settleFor time.Duration // for how long nobody may have come or gone before
	balanced  []chan struct{}
	fronts    map[string]*front
	moving    map[string]bool // children with a move under way
	windows   map[member]*handoff.Window
	more      bool // something more may be moved

	dirty   map[string]struct{} // children to look at
	pending map[string]struct{} // children that are to be started here when that is possible
	swept   time.Time
	readyAt []chan struct{}
	out     outbox
}

// outbox is what has to be done, in order, by whoever called the core.
type outbox struct {
	sends   []send
	starts  []start
	stops   []stop
	acts    []act
	flushes []flush
	marks   []flushMark
	routes  []route
	events  []Event
}

type send struct {
	to  member
	rec []byte
}

type start struct {
	id      string
	guard   uint64
	spec    *spec
	restore *restore // of a copy
}

type stop struct {
	id     string
	guard  uint64
	reason error
}

func (o *outbox) empty() bool {
	return len(o.sends)+len(o.starts)+len(o.stops)+len(o.acts)+len(o.flushes)+len(o.marks)+len(o.routes)+len(o.events) == 0
}

func newCore(layout placement.Config, warn func(string, ...any)) *core {
	return &core{
		warn: warn, layout: layout, tables: map[uint64][]string{}, children: map[string]*child{}, table: new(placement.Table),
		dirty: map[string]struct{}{}, pending: map[string]struct{}{}, moving: map[string]bool{}, fronts: map[string]*front{}, windows: map[member]*handoff.Window{},
	}
}

// renewed begins anew as m, with what runs here. shard is the incarnation of what is written from now on; it is greater than any
// before.
func (c *core) renewed(m member, shard crdt.Incarnation, now time.Time) error {
	fresh, err := crdt.NewStore(crdt.Origin{Node: m.Name, Incarnation: shard})
	if err != nil {
		return err
	}
	old := c.store
	c.self, c.store, c.pushed, c.ready, c.selfUp = m, fresh, 0, false, false
	c.peers, c.newest, c.losses = map[member]*peer{}, map[string]uint64{}, map[member]*loss{}
	c.sources = map[crdt.Origin]member{fresh.Self(): m}
	c.swept = now
	if old == nil {
		return nil
	}
	for _, r := range old.Snapshot(nil) {
		ch := c.children[r.Name]
		if r.Origin != old.Self() || ch == nil || ch.seq != r.Seq {
			continue
		}
		again, err := fresh.Add(r.Entry)
		if err != nil {
			return err
		}
		ch.seq = again.Seq
		c.saw(ch, again)
	}
	c.allDirty()
	c.arrange()
	return nil
}

// child returns what is known of a child, making it if need be.
func (c *core) child(id string) *child {
	ch := c.children[id]
	if ch == nil {
		ch = &child{id: id}
		c.children[id] = ch
	}
	return ch
}

func (c *core) touch(id string) { c.dirty[id] = struct{}{} }

func (c *core) allDirty() {
	for id := range c.children {
		c.touch(id)
	}
}

// apply notes changes of activations.
func (c *core) apply(changes []crdt.Change) {
	for _, x := range changes {
		r := x.New
		if r == nil {
			r = x.Old
		}
		if r.Kind != childKind {
			continue
		}
		ch := c.child(r.Name)
		for _, r := range []*crdt.Record{x.Old, x.New} {
			if r != nil {
				c.saw(ch, r)
			}
		}
		c.learn(ch, x)
		c.reroute(ch)
		c.touch(ch.id)
		c.poke(ch)
	}
}

// saw remembers an activation.
func (c *core) saw(ch *child, r *crdt.Record) {
	if r.Epoch < ch.last.epoch {
		return
	}
	n, err := parseNote(r.Meta)
	if err != nil {
		return
	}
	ch.last = seen{r.Epoch, r.Origin, n}
}

// poke tells who waits for what has become true.
func (c *core) poke(ch *child) {
	ch.waiters = slices.DeleteFunc(ch.waiters, func(w *waiter) bool {
		ok := w.ok(ch)
		if ok {
			close(w.done)
		}
		return ok
	})
}

// childKind is the kind of records of activations.
const childKind crdt.Kind = 16

func key(id string) crdt.Key { return crdt.Key{Kind: childKind, Name: id} }

// write changes the intent about a child, here and everywhere.
func (c *core) write(id string, s *spec, now time.Time) {
	c.put(id, crdt.Write[*spec]{Stamp: c.stamp(now), Origin: c.store.Self(), Value: s})
}

// forget deletes a child, here and everywhere.
func (c *core) forget(id string, now time.Time) {
	c.put(id, crdt.Write[*spec]{Stamp: c.stamp(now), Origin: c.store.Self(), Deleted: true})
}

func (c *core) put(id string, w crdt.Write[*spec]) {
	if !c.specs.Merge(id, w) {
		return // a later one is known: its clock is ahead, within what is tolerated
	}
	one := &crdt.Register[string, *spec]{}
	one.Merge(id, w)
	c.specChanged(id)
	for _, p := range c.ordered() {
		if p.met && p.open {
			c.sendSpecs(p, []*crdt.Register[string, *spec]{one}, false, w.Stamp.Time())
		}
	}
}

// specChanged brings a child up to date with what is wanted.
func (c *core) specChanged(id string) {
	ch := c.child(id)
	ch.spec, _ = c.specs.Get(id)
	c.reroute(ch)
	c.touch(id)
	c.poke(ch)
}

// record writes our activation of ch.
func (c *core) record(ch *child, e crdt.Entry) {
	var before, after *crdt.Record
	var err error
	if ch.seq != 0 {
		before = c.own(ch)
		after, err = c.store.Replace(ch.seq, e)
	} else {
		after, err = c.store.Add(e)
	}
	if err != nil || after == nil {
		c.warn("cluster/distributed: an activation cannot be told", "id", ch.id, "error", err)
		return
	}
	ch.seq = after.Seq
	c.apply([]crdt.Change{{Old: before, New: after}})
}

// own is our record of ch.
func (c *core) own(ch *child) *crdt.Record {
	for r := range c.store.Holders(key(ch.id)) {
		if r.Origin == c.store.Self() && r.Seq == ch.seq {
			return r
		}
	}
	return nil
}

// erase takes our activation of ch back.
func (c *core) erase(ch *child) {
	if ch.seq == 0 {
		return
	}
	r := c.store.Remove(ch.seq)
	ch.seq = 0
	if r != nil {
		c.apply([]crdt.Change{{Old: r}})
	}
}

// members says who is a member now.
func (c *core) members(self bool, list []presence, now time.Time) {
	c.selfUp = self
	known := make(map[member]presence, len(list))
	for _, x := range list {
		known[x.of] = x
		if x.of != c.self && c.peers[x.of] == nil {
			c.peers[x.of] = &peer{id: x.of}
		}
		if x.of == c.self {
			c.home = x.place
		}
	}
	for _, p := range c.ordered() {
		x, live := known[p.id]
		p.place, p.up, p.reachable = x.place, x.up, x.reachable
		was := p.live
		p.live = live
		switch {
		case was && !live:
			c.lost(p, now)
		case live:
			c.reveal(p, now)
		}
		if !live && !p.met && p.shard.Node == "" {
			delete(c.peers, p.id)
		}
	}
	c.arrange()
	c.newView(now)
	c.settle(now)
}

const (
	// keepDeleted is how long a deletion is remembered: as long as a node may be away and come back with what it knows.
	keepDeleted = 24 * time.Hour
	sweepEvery  = time.Minute
)

// tick is called about every [tickEvery].
func (c *core) tick(now time.Time) {
	for _, p := range c.ordered() {
		if p.met && p.open {
			c.greet(p, recordDigest, now)
			c.catchUp(p, now)
			if !p.told && now.Sub(p.metAt) > helloWait {
				c.closed(p) // its supervisor was closed while there was no session to say so
			}
		}
	}
	c.moves(handoff.Tick{}, now)
	c.askFlushes(now)
	c.departures(now)
	if now.Sub(c.swept) >= sweepEvery {
		c.swept = now
		c.specs.Sweep(now, keepDeleted)
	}
	c.settle(now)
}
