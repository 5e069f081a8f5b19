package registry

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// member is one life of a node, as membership knows it. The shard it writes has an incarnation of its own: a registry that is
// closed and opened again within one life writes a new one.
type member struct {
	Name        string
	Incarnation uint64
}

func (m member) compare(other member) int {
	return cmp.Or(cmp.Compare(m.Name, other.Name), cmp.Compare(m.Incarnation, other.Incarnation))
}

// presence is what membership says of a member.
type presence struct {
	of      member
	visible bool // it runs: its entries may be seen
	up      bool // it takes part in decisions
}

// world is what the core asks of its surroundings.
type world struct {
	pid   func(m member, id uint64) actor.PID
	alive func(id uint64) bool // of a process of this node
	wall  func() time.Time     // the clock of stamps; intervals are measured by the time that is passed in
	warn  func(text string, args ...any)
	skew  func(*SkewError)
}

// core is the registry of one node as a state machine: it is told what happens and at what time, and leaves in out what has to be
// done. It is not safe for concurrent use, but for its table.
type core struct {
	world
	resolves bool // there is a resolver
	table    *table

	self     member
	store    *crdt.Store
	clock    crdt.Clock
	peers    map[member]*peer
	newest   map[string]uint64 // incarnations of the other nodes whose shards are held
	sources  map[crdt.Origin]*source
	procs    map[uint64]*proc
	groups   map[string]int // visible members of each group
	pushed   uint64         // number of our last operation that was sent to everybody
	viewHash uint64         // of the members that are up

	contests map[crdt.Key]*contest
	dirty    []crdt.Key          // contests to look at; their fresh is true
	yields   map[crdt.Key]uint64 // our records that give way without ending their process
	doubts   map[string]doubt
	promises map[string]promise
	claims   map[uint64]*claim
	lastID   uint64

	awaited map[string][]chan struct{} // closed when the name gets a holder
	readyAt []chan struct{}            // closed when the copy is complete
	counts  counts
	out     outbox
}

// counts are the parts of Stats that only grow.
type counts struct {
	lost, diverged, hints, pages, refused uint64
}

// outbox is what has to be done, in order, by whoever called the core.
type outbox struct {
	sends    []send
	exits    []exit
	watches  []uint64 // processes whose end is to be told
	changes  []Change
	resolves []Conflict
	logged   []Conflict
}

type send struct {
	to  member
	rec []byte
}

type exit struct {
	id     uint64
	reason error
}

func (o *outbox) empty() bool {
	return len(o.sends)+len(o.exits)+len(o.watches)+len(o.changes)+len(o.resolves)+len(o.logged) == 0
}

func newCore(w world, resolves bool) *core {
	return &core{
		world: w, resolves: resolves, table: newTable(),
		procs: map[uint64]*proc{}, awaited: map[string][]chan struct{}{},
	}
}

// renewed begins anew as m, with the entries of processes that still live. shard is the incarnation of what is written from now
// on; it is greater than any before.
func (c *core) renewed(m member, shard crdt.Incarnation, now time.Time) error {
	fresh, err := crdt.NewStore(crdt.Origin{Node: m.Name, Incarnation: shard})
	if err != nil {
		return err
	}
	old := c.store
	if old != nil {
		for o := range old.Nodes() {
			c.apply(old.Forget(o.Node), now)
		}
		for _, cl := range c.claims {
			cl.finish(outcome{again: true})
		}
	}
	c.self, c.store, c.pushed = m, fresh, 0
	c.peers, c.newest = map[member]*peer{}, map[string]uint64{}
	c.sources = map[crdt.Origin]*source{fresh.Self(): {local: true, of: m}}
	c.dirty, c.doubts = nil, map[string]doubt{}
	yields := c.yields
	c.yields = map[crdt.Key]uint64{}
	c.contests, c.promises, c.claims = map[crdt.Key]*contest{}, map[string]promise{}, map[uint64]*claim{}
	c.groups = map[string]int{}
	if old != nil {
		procs := c.procs
		c.procs = map[uint64]*proc{}
		for _, r := range old.Snapshot(nil) { // only our own are left, in the order they were written
			id := processOf(r.PID)
			if !c.alive(id) { // its end is told in a moment, and finds nothing
				if r.Kind == crdt.Group {
					c.out.changes = append(c.out.changes, Change{Group: true, Name: r.Name, Old: c.pid(m, id)})
				}
				continue
			}
			again, err := fresh.Add(r.Entry)
			if err != nil {
				return err
			}
			c.adoptProc(id, procs).add(again.Key, again.Seq)
			if yields[r.Key] == r.Seq {
				c.yields[r.Key] = again.Seq
			}
			if again.Kind == crdt.Group {
				c.groups[again.Name]++
			} else {
				c.refresh(again.Key, now)
			}
		}
		for e := range c.table.all() {
			c.refresh(crdt.Key{Kind: crdt.Name, Name: e.name}, now)
		}
	}
	return nil
}

// adoptProc keeps whether the end of a process will be told.
func (c *core) adoptProc(id uint64, from map[uint64]*proc) *proc {
	p := c.procs[id]
	if p == nil {
		p = &proc{}
		c.procs[id] = p
		if from[id] == nil {
			c.out.watches = append(c.out.watches, id)
		}
	}
	return p
}

// apply makes changes of the store visible.
func (c *core) apply(changes []crdt.Change, now time.Time) {
	for _, ch := range changes {
		r := ch.New
		if r == nil {
			r = ch.Old
		}
		switch r.Kind {
		case crdt.Name:
			c.refresh(r.Key, now)
		case crdt.Group:
			c.groupChanged(ch)
		}
	}
}

func (c *core) groupChanged(ch crdt.Change) {
	var x Change
	if ch.Old != nil {
		x.Name, x.Old = ch.Old.Name, c.pidOf(ch.Old)
		if c.groups[x.Name]--; c.groups[x.Name] <= 0 {
			delete(c.groups, x.Name)
		}
	}
	if ch.New != nil {
		x.Name, x.New, x.Meta = ch.New.Name, c.pidOf(ch.New), ch.New.Meta
		c.groups[x.Name]++
	}
	x.Group = true
	c.out.changes = append(c.out.changes, x)
}

// refresh brings the table up to date with who holds a name now, and notes whether several do.
func (c *core) refresh(k crdt.Key, now time.Time) {
	best := (*crdt.Record)(nil)
	holders := 0
	for r := range c.store.Holders(k) {
		if best == nil {
			best = r
		}
		if holders++; holders > 1 {
			break
		}
	}
	old := c.table.get(k.Name)
	switch {
	case best == nil:
		if old == nil {
			break
		}
		c.table.remove(k.Name)
		c.out.changes = append(c.out.changes, Change{Name: k.Name, Old: old.pid})
	case old == nil || old.rec != best:
		e := &entry{name: best.Name, pid: c.pidOf(best), rec: best, src: c.sources[best.Origin]}
		c.table.put(e)
		x := Change{Name: k.Name, New: e.pid, Meta: best.Meta}
		if old != nil {
			x.Old = old.pid
		}
		if old == nil || old.pid != e.pid || old.rec.Meta != best.Meta {
			c.out.changes = append(c.out.changes, x)
		}
		for _, w := range c.awaited[k.Name] {
			close(w)
		}
		delete(c.awaited, k.Name)
	}
	if holders < 2 {
		delete(c.contests, k)
		return
	}
	x := c.contests[k]
	if x == nil {
		x = &contest{since: now, base: c.store.NextEpoch(k) - 1}
		c.contests[k] = x
	}
	c.review(k, x)
}

// review has a contest looked at when the step ends.
func (c *core) review(k crdt.Key, x *contest) {
	if !x.fresh {
		x.fresh = true
		c.dirty = append(c.dirty, k)
	}
}

// reviewAll is review of those that take part, in an order that does not depend on a map.
func (c *core) reviewAll(takes func(crdt.Key) bool) {
	from := len(c.dirty)
	for k, x := range c.contests {
		if takes(k) {
			c.review(k, x)
		}
	}
	slices.SortFunc(c.dirty[from:], func(a, b crdt.Key) int { return cmp.Compare(a.Name, b.Name) })
}

// pidOf is the process of a record.
func (c *core) pidOf(r *crdt.Record) actor.PID {
	src := c.sources[r.Origin]
	if src == nil {
		return actor.PID{}
	}
	return c.pid(src.of, processOf(r.PID))
}

// members says who is a member now.
func (c *core) members(list []presence, now time.Time) {
	known := make(map[member]presence, len(list))
	for _, p := range list {
		known[p.of] = p
		if p.of.Name != c.self.Name && c.peers[p.of] == nil && p.visible {
			c.peers[p.of] = &peer{id: p.of}
		}
	}
	for id, p := range c.peers {
		p.up, p.setVisible = known[id].up, known[id].visible
	}
	for _, p := range c.ordered() {
		c.reveal(p, now)
		if !p.met && !p.visible && p.shard.Node == "" {
			delete(c.peers, p.id)
		}
	}
	if h := hashView(list); h != c.viewHash {
		c.viewHash = h
		for _, cl := range c.pending() {
			c.endClaim(cl, outcome{again: true}, now)
		}
	}
	c.settle(now)
}

// ordered are the peers in an order that does not depend on a map.
func (c *core) ordered() []*peer {
	all := make([]*peer, 0, len(c.peers))
	for _, p := range c.peers {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *peer) int { return a.id.compare(b.id) })
	return all
}

// hashView is equal at nodes that see the same members up.
func hashView(list []presence) uint64 {
	up := make([]member, 0, len(list))
	for _, p := range list {
		if p.up {
			up = append(up, p.of)
		}
	}
	slices.SortFunc(up, member.compare)
	h := fnv.New64a()
	for _, m := range up {
		var b [8]byte
		for i := range b {
			b[i] = byte(m.Incarnation >> (8 * i))
		}
		h.Write(append(append(b[:], m.Name...), 0))
	}
	return h.Sum64()
}

// forgotten drops all that is known of a life that will not come back, and of those before it.
func (c *core) forgotten(m member, now time.Time) {
	p := c.peers[m]
	if p != nil && (p.met || p.visible) {
		return
	}
	delete(c.peers, m)
	if c.newest[m.Name] == m.Incarnation {
		delete(c.newest, m.Name)
		c.apply(c.store.Forget(m.Name), now)
		if p != nil {
			delete(c.sources, p.shard)
		}
	}
	c.settle(now)
}

// settle is the end of every step: conflicts that are new are decided, and who waits for completeness is told.
func (c *core) settle(now time.Time) {
	for len(c.dirty) > 0 {
		k := c.dirty[0]
		if c.dirty = c.dirty[1:]; len(c.dirty) == 0 {
			c.dirty = nil
		}
		if x := c.contests[k]; x != nil && x.fresh {
			x.fresh = false
			c.decide(k, x, now)
		}
	}
	if len(c.readyAt) > 0 && c.complete() {
		for _, w := range c.readyAt {
			close(w)
		}
		c.readyAt = nil
	}
}

// tick is called about every [tickEvery].
func (c *core) tick(now time.Time) {
	for name, p := range c.promises {
		if !now.Before(p.until) {
			delete(c.promises, name)
		}
	}
	for name, d := range c.doubts {
		if now.Sub(d.at) > silentAfter {
			delete(c.doubts, name)
		}
	}
	for _, cl := range c.pending() {
		if now.Sub(cl.began) > claimLasts {
			c.endClaim(cl, outcome{again: true}, now)
		}
	}
	for _, p := range c.ordered() {
		if p.met {
			if p.fresh {
				c.greet(p, recordDigest, 0, now)
			} else {
				c.greet(p, recordHello, p.nonce, now)
			}
			c.catchUp(p, now)
		}
	}
	c.reviewAll(func(crdt.Key) bool { return true }) // time may decide them, and hints may have been lost
	c.settle(now)
}
