package membership

import (
	"cmp"
	"slices"
	"time"
)

// RejoinConfig is how addresses are joined again at which nobody is alive. The zero value has the defaults.
type RejoinConfig struct {
	// Disabled leaves lost nodes lost.
	Disabled bool
	// Interval is the pause after the first attempt; zero is 1 s. It doubles up to MaxInterval; zero is 3 s. Attempts are
	// counted from beginning to beginning, and both are varied by a quarter.
	Interval, MaxInterval time.Duration
	// SlowAfter is how long an address is tried at that pace after it was last alive or discovered; zero is an hour. From then
	// on, and if somebody answers there again and again who is no member under that address, it is tried every SlowInterval; zero is
	// 30 s.
	SlowAfter, SlowInterval time.Duration
	// ForgetAfter is when it is forgotten; zero is 24 h.
	ForgetAfter time.Duration
	// MaxPeers is how many addresses are remembered; zero is 1024. The one that was not alive for longest goes first.
	MaxPeers int
	// Parallel is how many are tried at once; zero is 16.
	Parallel int
}

func (c RejoinConfig) defaults() RejoinConfig {
	c.Interval = cmp.Or(c.Interval, time.Second)
	c.MaxInterval = cmp.Or(c.MaxInterval, 3*time.Second)
	c.SlowAfter = cmp.Or(c.SlowAfter, time.Hour)
	c.SlowInterval = cmp.Or(c.SlowInterval, 30*time.Second)
	c.ForgetAfter = cmp.Or(c.ForgetAfter, 24*time.Hour)
	c.MaxPeers = cmp.Or(c.MaxPeers, 1024)
	c.Parallel = cmp.Or(c.Parallel, 16)
	return c
}

func (c RejoinConfig) check(bad func(field string, value any, why, cure string)) {
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"Interval", c.Interval}, {"MaxInterval", c.MaxInterval}, {"SlowAfter", c.SlowAfter},
		{"SlowInterval", c.SlowInterval}, {"ForgetAfter", c.ForgetAfter},
	} {
		if d.value < 0 {
			bad("Rejoin."+d.field, d.value, "it is negative", "leave it zero for the default")
		}
	}
	if c.MaxInterval < c.Interval {
		bad("Rejoin.MaxInterval", c.MaxInterval, "it is below Interval", "leave both zero for the defaults")
	}
	if c.MaxPeers < 0 || c.Parallel < 0 {
		bad("Rejoin", c, "MaxPeers or Parallel is negative", "leave them zero for the defaults")
	}
}

// aliasTries is how often somebody may answer at an address at which nobody is alive before that is taken for normal.
const aliasTries = 3

// outcome is how an attempt to join an address went.
type outcome uint8

const (
	failed   outcome = iota // nobody there, for now
	answered                // somebody is
	refused                 // somebody is who will not have us
)

// peer is what is remembered of one address.
type peer struct {
	seen  time.Time // last alive, discovered or given
	next  time.Time // when to try it
	tries int       // attempts in a row that found nobody
	busy  bool      // an attempt is under way
}

// book is what is remembered of all addresses. It knows no clock and no chance: both are passed in, a chance from 0 to 1.
type book struct {
	cfg   RejoinConfig
	peers map[string]*peer
	self  map[string]bool // addresses that turned out to be ours
}

func newBook(cfg RejoinConfig, self string) *book {
	return &book{cfg: cfg, peers: map[string]*peer{}, self: map[string]bool{self: true}}
}

// learn remembers an address, from discovery, a seed list or a member. It reports whether it is worth a look now.
func (b *book) learn(addr string, now time.Time) bool {
	if b.self[addr] {
		return false
	}
	if p := b.peers[addr]; p != nil {
		p.seen = now
		return false
	}
	if len(b.peers) >= b.cfg.MaxPeers && !b.evict() {
		return false
	}
	b.peers[addr] = &peer{seen: now, next: now}
	return true
}

// evict forgets the address that was not seen for longest.
func (b *book) evict() bool {
	oldest := ""
	for addr, p := range b.peers {
		if o := b.peers[oldest]; !p.busy && (o == nil || p.seen.Before(o.seen)) {
			oldest = addr
		}
	}
	if oldest == "" {
		return false
	}
	delete(b.peers, oldest)
	return true
}

// lost is told when a member there is dead.
func (b *book) lost(addr string, now time.Time, chance float64) {
	b.learn(addr, now)
	if p := b.peers[addr]; p != nil {
		p.tries = 0
		p.next = now.Add(time.Duration((0.5 + chance/2) * float64(b.cfg.Interval)))
	}
}

// left is told when the member there has said goodbye.
func (b *book) left(addr string) { delete(b.peers, addr) }

// ours is told when an address turns out to be our own.
func (b *book) ours(addr string) {
	if len(b.self) < b.cfg.MaxPeers {
		b.self[addr] = true
	}
	delete(b.peers, addr)
}

// plan returns the addresses to join now, and when to ask again; the zero time is only when something has changed. It
// changes nothing.
func plan(now time.Time, b *book, alive map[string]int) (join []string, again time.Time) {
	free := b.cfg.Parallel
	for addr, p := range b.peers {
		if p.busy {
			free--
			continue
		}
		if alive[addr] > 0 || now.Sub(p.seen) > b.cfg.ForgetAfter {
			continue
		}
		if !p.next.After(now) {
			join = append(join, addr)
		} else if again.IsZero() || p.next.Before(again) {
			again = p.next
		}
	}
	slices.SortFunc(join, func(x, y string) int {
		return cmp.Or(b.peers[x].next.Compare(b.peers[y].next), cmp.Compare(x, y))
	})
	if len(join) > max(free, 0) {
		join = join[:max(free, 0)] // the end of an attempt is a reason to ask again
	}
	return join, again
}

// begin marks what plan has returned, keeps what is alive fresh and forgets what is old.
func (b *book) begin(join []string, now time.Time, alive map[string]int) {
	for _, addr := range join {
		b.peers[addr].busy = true
	}
	for addr, p := range b.peers {
		if alive[addr] > 0 {
			p.seen, p.tries = now, 0
		} else if !p.busy && now.Sub(p.seen) > b.cfg.ForgetAfter {
			delete(b.peers, addr)
		}
	}
}

// done is told how an attempt went that was begun at start. alone says that nobody is a member but us: then whoever answers
// is worth another try soon.
func (b *book) done(addr string, start, now time.Time, how outcome, alone bool, chance float64) {
	p := b.peers[addr]
	if p == nil {
		return
	}
	p.busy = false
	wait := b.cfg.Interval << min(p.tries, 20)
	if wait <= 0 || wait > b.cfg.MaxInterval {
		wait = b.cfg.MaxInterval
	}
	p.tries++
	// Who was called dead and has just heard it from us objects by gossip, which may miss us: the second exchange brings the
	// objection. Whoever answers several times and is no member under this address will not be one.
	alias := how == answered && !alone && p.tries > aliasTries
	if now.Sub(p.seen) > b.cfg.SlowAfter || how == refused || alias {
		wait = max(wait, b.cfg.SlowInterval)
	}
	p.next = start.Add(time.Duration((0.75 + chance/2) * float64(wait)))
}
