package view

import (
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

const (
	// MaxMembers is how many members can be alive at once, this node included.
	MaxMembers = 4096
	// MaxDown is how many members that are down are remembered; beyond it the one that is down longest is forgotten early.
	MaxDown = 1024
	// MaxFloors is of how many forgotten names the last incarnation is remembered one by one.
	MaxFloors = 4096
	// MaxBroken is how many names of [Status].Broken count.
	MaxBroken = 64

	// refusals in a row are needed for P2: one alone may be a listener that was not there yet.
	refusals = 2
	// maxRemovers bounds how many who removed us are kept track of.
	maxRemovers = 64
)

type swim uint8

const (
	swimUnknown swim = iota
	swimAlive
	swimDead
)

type session uint8

const (
	sessionNone session = iota
	sessionUp
	sessionLost // the connection closed, the session lives
)

// member is what is known of one incarnation. Times are of the View's own clock, see [View.advance].
type member struct {
	Member
	swim    swim
	session session
	left    bool // SWIM says that it left by itself
	ghost   bool // was never a member here, or was forgotten: kept to be told that it is removed; no events
	broken  bool // AlarmBrokenLink was raised, and nothing was heard since
	greeted bool // Info is from a hello

	heard         time.Duration // bytes came; at first, became known
	connected     time.Duration // last Connect
	unreachableAt time.Duration
	downAt        time.Duration
	told          time.Duration // last Tell
	viewAt        time.Duration // PeerView changed

	deaf  []nodeid.ID // whom it does not hear, by itself
	probe probe
	claim *claim // who wants the name
}

func (m *member) live() bool { return m.State < Down }

// up reports whether m belongs to the up set.
func (m *member) up() bool { return m.Says == Up && m.State.counted() }

// View is the membership as one node sees it. Make it with [New].
type View struct {
	// Decide says who of the unreachable is down; nil is [KeepAll]. Set it before the first Step.
	Decide func(Situation) []nodeid.ID
	// Seed goes into the ViewID: whatever else members must have in common, as the number of partitions. Set it before
	// the first Step.
	Seed uint64

	t       Timing
	self    *member
	members []*member // by ID, self included; of one name at most one is live
	removed bool      // SelfRemoved was said

	now time.Time
	at  time.Duration // time that this process was awake

	changed   bool // the up set may have changed during this step
	viewID    uint64
	viewAt    time.Duration // the up set changed
	reachedAt time.Duration // the up set or the set of unreachable members changed
	stable    []nodeid.ID   // the up set when it was stable last, sorted; without who left on purpose
	burst     bool          // somebody was lost since then

	forgotten nodeid.Incarnation            // floor of all names that are not in floors
	floors    map[string]nodeid.Incarnation // of forgotten names
	floor     nodeid.Incarnation            // of this node's own name, as others said
	removers  []remover
	links     []Link // of the last AlarmPartialPartition

	out []Output
}

// New returns the view of a node that knows nobody. Self's ID and Addr are used, and its Info; t is valid.
func New(self Member, t Timing, now time.Time) *View {
	self.State, self.Says, self.Since, self.Proved, self.Why = Joining, Joining, now, false, ""
	self.Weight = max(self.Weight, 1)
	v := &View{t: t.defaults(), self: &member{Member: self}, now: now, floors: map[string]nodeid.Incarnation{}}
	v.members = []*member{v.self}
	return v
}

// Step tells v what happened, and returns what is to be done about it. A time before the last one counts as the last one.
func (v *View) Step(now time.Time, in Input) []Output {
	v.advance(now)
	if v.removed {
		return nil
	}
	if v.at-v.viewAt >= v.t.Settle && v.burst {
		v.stable, v.burst = v.upIDs(), false
	}
	v.out = nil
	v.apply(in)
	if v.changed {
		v.refresh()
	}
	out := v.out
	v.out = nil
	return out
}

// advance moves the clock on. Nobody can be heard during a pause of this process, so that does not count as silence: v.at
// is the time that this process was awake. NextTick asks for a step in each heartbeat.
func (v *View) advance(now time.Time) {
	gap := now.Sub(v.now)
	if gap <= 0 {
		return
	}
	if gap > 2*v.t.Heartbeat {
		gap = v.t.Heartbeat
	}
	v.at += gap
	v.now = now
}

// wall is the active time at as it stands on the wall clock, if there is no pause between.
func (v *View) wall(at time.Duration) time.Time { return v.now.Add(at - v.at) }

// active is the active time of t, which is not after now.
func (v *View) active(t time.Time) time.Duration {
	if t.IsZero() || t.After(v.now) {
		return v.at
	}
	return v.at - v.now.Sub(t)
}

func (v *View) apply(in Input) {
	switch in := in.(type) {
	case SwimAlive:
		v.swimAlive(in)
	case SwimDead:
		v.swimDead(in.ID)
	case SwimLeft:
		v.swimLeft(in.ID)
	case Hello:
		v.hello(in)
	case SessionUp:
		v.sessionUp(in)
	case SessionLost:
		v.sessionClosed(in.ID, sessionLost)
	case SessionDown:
		v.sessionClosed(in.ID, sessionNone)
	case Heard:
		v.heard(v.peer(in.ID), v.active(in.At))
	case Status:
		v.status(in)
	case Goodbye:
		if m := v.peer(in.ID); m != nil {
			v.down(m, byItself, "it said goodbye")
		}
	case Dialled:
		v.dialled(in)
	case Asked:
		v.asked(in)
	case Confirmed:
		v.confirmed(in)
	case Removed:
		v.removedBy(in)
	case SelfReady:
		v.says(v.self, Up)
	case SelfLeaving:
		v.says(v.self, Leaving)
	case Tick:
		v.tick(in)
	}
}

// tick does what is due.
func (v *View) tick(in Tick) {
	for _, h := range in.Heard {
		v.heard(v.peer(h.ID), v.active(h.At))
	}
	// What is due may add or remove members.
	for _, m := range slices.Clone(v.members) {
		switch {
		case m == v.self:
		case m.live():
			v.assess(m)
			v.retry(m)
		default:
			v.retire(m)
		}
	}
	v.decide()
	v.recheckRemovers()
	v.alarmPartition()
}

// retry begins again what did not lead to a session or a verdict.
func (v *View) retry(m *member) {
	if !m.live() {
		return
	}
	if m.session == sessionNone && v.at-m.connected >= v.t.Silent {
		v.connect(m)
	}
	if c := m.claim; c != nil && v.at-c.at >= v.t.LinkBroken {
		m.claim = nil // who wanted the name does not ask any more
	}
	wanted := m.claim != nil || m.greeted && m.session != sessionUp && !v.t.NoProof
	if wanted && v.at-m.probe.started >= v.t.Silent {
		v.startProbe(m)
	}
}

// NextTick is when the next Tick is due. It is never far away while there is anybody else: see [View.Step].
func (v *View) NextTick() time.Time {
	if v.removed || len(v.members) == 1 && len(v.removers) == 0 {
		return v.now.Add(time.Hour)
	}
	next := v.at + v.t.Heartbeat
	due := func(at time.Duration) {
		if at > v.at {
			next = min(next, at)
		}
	}
	for _, m := range v.members {
		if m == v.self || !m.live() {
			continue
		}
		due(m.heard + v.t.Silent/2)
		due(m.heard + v.t.Silent)
		if m.State == Unreachable {
			due(m.unreachableAt + v.t.DownAfter)
		}
	}
	return v.wall(next)
}

// Members returns all members, those that are down included, by name and incarnation.
func (v *View) Members() []Member {
	all := make([]Member, 0, len(v.members))
	for _, m := range v.members {
		if !m.ghost {
			all = append(all, m.Member)
		}
	}
	return all
}

// Member returns a member that is not forgotten.
func (v *View) Member(id nodeid.ID) (Member, bool) {
	if m := v.find(id); m != nil && !m.ghost {
		return m.Member, true
	}
	return Member{}, false
}

// Self is this node.
func (v *View) Self() Member { return v.self.Member }

// Up returns the members that say that they are up, and are not worse than suspect, by name.
func (v *View) Up() []Member {
	var up []Member
	for _, m := range v.members {
		if m.up() {
			up = append(up, m.Member)
		}
	}
	return up
}

// ViewID is a hash of Up and Seed, and zero if nobody is up.
func (v *View) ViewID() uint64 { return v.viewID }

// Settled reports whether this node and peer have had the same ViewID for Settle, and no member is unreachable: what a
// planned move waits for.
func (v *View) Settled(peer nodeid.ID) bool {
	m := v.peer(peer)
	if m == nil || m.PeerView != v.viewID || v.at-m.viewAt < v.t.Settle || v.at-v.viewAt < v.t.Settle {
		return false
	}
	return !slices.ContainsFunc(v.members, func(m *member) bool { return m.State == Unreachable })
}

// Broken is whom this node does not hear though SWIM holds them alive: what Status.Broken of the next heartbeat says.
func (v *View) Broken() []nodeid.ID {
	var ids []nodeid.ID
	for _, m := range v.members {
		if m.live() && m.broken && len(ids) < MaxBroken {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func compareID(m *member, id nodeid.ID) int { return m.ID.Compare(id) }

// find returns the entry of id, or nil.
func (v *View) find(id nodeid.ID) *member {
	if i, ok := slices.BinarySearchFunc(v.members, id, compareID); ok {
		return v.members[i]
	}
	return nil
}

// peer returns the live entry of id, if that is not this node, or nil.
func (v *View) peer(id nodeid.ID) *member {
	if m := v.find(id); m != nil && m != v.self && m.live() {
		return m
	}
	return nil
}

// lives returns the entries of a name, older ones first.
func (v *View) lives(name string) []*member {
	i, _ := slices.BinarySearchFunc(v.members, nodeid.ID{Name: name}, compareID)
	j := i
	for j < len(v.members) && v.members[j].ID.Name == name {
		j++
	}
	return v.members[i:j]
}

func (v *View) insert(m *member) {
	i, _ := slices.BinarySearchFunc(v.members, m.ID, compareID)
	v.members = slices.Insert(v.members, i, m)
}

func (v *View) emit(o Output) { v.out = append(v.out, o) }

func (v *View) event(k Kind, m *member) {
	if !m.ghost {
		v.emit(Event{Kind: k, Member: m.Member})
	}
}

func (v *View) connect(m *member) {
	m.connected = v.at
	v.emit(Connect{m.ID, m.Addr})
}
