package gossip

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// Config of a Strategy. Only Secret must be given.
type Config struct {
	// Secret is shared by all nodes of the cluster: at least 16 bytes that nobody can guess.
	Secret []byte
	// Cluster keeps clusters with one secret apart. Empty: "default".
	Cluster string
	// Group is the multicast address and port. Empty: "239.192.45.89:45892".
	Group string
	// Interface to speak and listen on, as in "eth0". Empty: the system chooses.
	Interface string
	// Interval between two messages of a node. Zero: 2 s.
	Interval time.Duration
	// TTL is how long a node that falls silent stays. Zero: 5 intervals.
	TTL time.Duration
	// MaxSkew is how far clocks may be apart. Zero: 30 s.
	MaxSkew time.Duration
}

const (
	minSecretBytes = 16
	defaultGroup   = "239.192.45.89:45892"
	// answerWithin spreads the answers to a newcomer.
	answerWithin = 50 * time.Millisecond
	reportEvery  = time.Minute
)

// Strategy talks to one multicast group.
type Strategy struct {
	config Config
	group  *net.UDPAddr
	sealer *sealer
	self   strategies.Peer
}

// New checks c; it opens no socket.
func New(c Config) (*Strategy, error) {
	if c.Cluster == "" {
		c.Cluster = "default"
	}
	if c.Group == "" {
		c.Group = defaultGroup
	}
	if c.Interval == 0 {
		c.Interval = 2 * time.Second
	}
	if c.TTL == 0 {
		c.TTL = 5 * c.Interval
	}
	if c.MaxSkew == 0 {
		c.MaxSkew = 30 * time.Second
	}
	if err := errors.Join(c.check()...); err != nil {
		return nil, err
	}
	s := &Strategy{config: c, group: net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.Group))}
	var err error
	s.sealer, err = newSealer(c.Secret, c.Cluster)
	return s, err
}

func (c Config) check() (errs []error) {
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &strategies.ConfigError{Strategy: "strategies/gossip", Field: field, Value: value, Why: why, Cure: cure})
	}
	if len(c.Secret) < minSecretBytes {
		bad("Secret", fmt.Sprintf("(%d bytes)", len(c.Secret)), fmt.Sprintf("it has less than %d bytes", minSecretBytes),
			"draw 32 random bytes, and give the same to all nodes")
	}
	if len(c.Cluster) > strategies.MaxNameBytes {
		bad("Cluster", c.Cluster, "it is too long", fmt.Sprintf("use up to %d bytes", strategies.MaxNameBytes))
	}
	if g, err := netip.ParseAddrPort(c.Group); err != nil || !g.Addr().Is4() || !g.Addr().IsMulticast() || g.Port() == 0 {
		bad("Group", c.Group, "it is no IPv4 multicast address with a port", "leave it empty for "+defaultGroup)
	}
	if c.Interval < time.Millisecond {
		bad("Interval", c.Interval, "it is shorter than 1 ms", "leave it zero for 2 s")
	}
	if c.TTL < 2*c.Interval {
		bad("TTL", c.TTL, fmt.Sprintf("it is shorter than two intervals of %v, so that one lost datagram removes a peer", c.Interval),
			"leave it zero for 5 intervals")
	}
	if c.MaxSkew < 0 {
		bad("MaxSkew", c.MaxSkew, "it is negative", "leave it zero for 30 s")
	}
	return errs
}

// Announce implements [strategies.Announcer].
func (s *Strategy) Announce(self strategies.Peer) error {
	s.self = self
	return nil
}

// String names the strategy and its group.
func (s *Strategy) String() string { return "gossip(" + s.config.Group + ")" }

// Watch implements [strategies.Strategy].
func (s *Strategy) Watch(ctx context.Context, found func(strategies.Update)) error {
	t := &talk{Strategy: s, report: strategies.NewReporter(s.String(), found)}
	crand.Read(t.id[:]) // never fails
	t.room = room{self: t.id, ttl: s.config.TTL, maxSkew: s.config.MaxSkew,
		senders: map[[16]byte]*sender{}, owner: map[string][16]byte{}}
	for failures := 1; ; failures++ {
		began := time.Now()
		err := t.open(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > time.Minute {
			failures = 1
		}
		t.report.Err(err)
		if !strategies.Pause(ctx, strategies.Backoff(failures, s.config.Interval, 30*time.Second)) {
			return nil
		}
	}
}

// talk is the state of one Watch.
type talk struct {
	*Strategy
	report  *strategies.Reporter
	id      [16]byte
	seq     uint64
	room    room
	refused time.Time // when a refusal was reported last
}

// heard is what came from the socket.
type heard struct {
	message message
	from    net.Addr
	err     error // why the message is refused
}

// open opens the sockets and talks until ctx ends or they break.
func (t *talk) open(ctx context.Context) error {
	in, out, err := sockets(ctx, t.group, t.config.Interface)
	if err != nil {
		return fmt.Errorf("%w; check that the network carries multicast, or name an Interface", err)
	}
	defer out.Close()
	inbox, broken := make(chan heard, 64), make(chan error, 1)
	var listening sync.WaitGroup
	listening.Go(func() { broken <- t.listen(in, inbox) })
	defer listening.Wait()
	defer in.Close()
	return t.loop(ctx, inbox, broken, out)
}

// listen passes on what comes for this cluster until the socket is closed. It never waits for the loop: a datagram too
// many is dropped, as the system does.
func (t *talk) listen(in *net.UDPConn, inbox chan<- heard) error {
	buffer := make([]byte, maxBytes+1)
	for {
		n, from, err := in.ReadFrom(buffer)
		if err != nil {
			return err
		}
		h := heard{from: from}
		if h.message, h.err = t.sealer.open(buffer[:n]); errors.Is(h.err, errForeign) {
			continue
		}
		select {
		case inbox <- h:
		default:
		}
	}
}

func (t *talk) loop(ctx context.Context, inbox <-chan heard, broken <-chan error, out net.PacketConn) error {
	if err := t.say(out, hello); err != nil {
		return err
	}
	defer func() {
		if t.self.Addr != "" && ctx.Err() != nil {
			t.say(out, goodbye) // who misses it waits for the TTL
		}
	}()
	next := time.Now().Add(strategies.Jitter(t.config.Interval))
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	said := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-broken:
			return err
		case <-timer.C:
			if t.self.Addr != "" {
				if err := t.say(out, here); err != nil {
					return err
				}
			}
			said = time.Now()
			next = said.Add(strategies.Jitter(t.config.Interval))
			timer.Reset(time.Until(next))
		case h := <-inbox:
			now := time.Now()
			if !t.take(h, now) {
				break
			}
			// However many ask, one message per answerWithin is enough.
			soon := now.Add(rand.N(answerWithin))
			if earliest := said.Add(answerWithin); soon.Before(earliest) {
				soon = earliest
			}
			if soon.Before(next) {
				next = soon
				timer.Reset(time.Until(next))
			}
		}
		t.report.Set(t.room.list(time.Now()))
	}
}

// take puts a message into the room, or reports why not.
func (t *talk) take(h heard, now time.Time) (answer bool) {
	err := h.err
	if err == nil {
		answer, err = t.room.hear(h.message, now)
	}
	if err == nil || errors.Is(err, errReplayed) { // networks duplicate datagrams, too
		return answer
	}
	host, _, _ := net.SplitHostPort(h.from.String())
	if t.refused.IsZero() || now.Sub(t.refused) > reportEvery {
		t.refused = now
		t.report.Err(fmt.Errorf("a datagram from %s is refused: %w", host, err))
	}
	return false
}

func (t *talk) say(out net.PacketConn, k kind) error {
	t.seq++
	_, err := out.WriteTo(t.sealer.seal(message{k, t.id, t.seq, time.Now(), t.self}), t.group)
	return err
}
