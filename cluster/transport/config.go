package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/network"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Config of a Transport. Self and Listen must be given.
type Config struct {
	// Self is this node, asked for at each handshake, by several goroutines. Its Node never changes. Empty fields are filled in: Addr, Lanes, Unix.
	Self func() Hello
	// Network to run on. Nil: the operating system's.
	Network network.Network
	// Listen is the host:port to listen on; port 0 takes a free one.
	Listen string
	// Advertise is the host:port at which others reach this node. Empty: the address that is listened on.
	Advertise string
	// TLS for every connection. Nil: in clear, and everyone is believed.
	TLS *TLS
	// Check may refuse a peer; its error's text reaches the peer. It runs in the handshake and may take a part of
	// Timing.Handshake, and it may be asked more than once about one peer. Nil: everyone is welcome.
	Check func(peer Hello) error
	// MaxClockOffset is how far a peer's clock may be ahead of ours. 0: as far as it wants.
	MaxClockOffset time.Duration
	// Lanes names lanes beside Control, Default and Bulk: the first is Lane 3.
	Lanes []string
	// Compress is the size from which frames are compressed. 0: never.
	Compress int

	Limits Limits
	Timing Timing
	// Logger hears what passes by itself. Nil: nobody does.
	Logger *slog.Logger
}

// Limits of a Transport. What is 0 has the default.
type Limits struct {
	Frame   int // bytes of the largest frame that is read, at least 64 KiB; 1 MiB
	Message int // bytes of the longest record; 16 MiB
	Lane    int // bytes that may wait or be unacknowledged on a lane; 4 MiB. One record is taken even if it is longer.
	Hello   int // bytes of the largest hello; 256 KiB
	Pending int // handshakes of others at a time; 64
}

// Timing of a Transport. What is 0 has the default.
type Timing struct {
	Handshake time.Duration // the longest handshake; 5 s
	Connect   time.Duration // how long a new session tries to connect; 5 s
	Resume    time.Duration // how long a session survives a lost connection; 10 s
	Ack       time.Duration // how long an acknowledgement waits for a frame to ride on; 10 ms
	Redial    time.Duration // the longest pause between two dials; 1 s
	User      time.Duration // how long the system waits for a peer's acknowledgement of bytes (TCP_USER_TIMEOUT, Linux); 5 s
	KeepAlive time.Duration // how often the system asks after a silent peer; 2 s
}

const maxLanes = 32

// orDefault fills in what is 0.
func orDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

func (c Config) filled() Config {
	if c.Network == nil {
		c.Network = network.OS{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	l, t := &c.Limits, &c.Timing
	orDefault(&l.Frame, 1<<20)
	orDefault(&l.Message, 16<<20)
	orDefault(&l.Lane, 4<<20)
	orDefault(&l.Hello, 256<<10)
	orDefault(&l.Pending, 64)
	orDefault(&t.Handshake, 5*time.Second)
	orDefault(&t.Connect, 5*time.Second)
	orDefault(&t.Resume, 10*time.Second)
	orDefault(&t.Ack, 10*time.Millisecond)
	orDefault(&t.Redial, time.Second)
	orDefault(&t.User, 5*time.Second)
	orDefault(&t.KeepAlive, 2*time.Second)
	return c
}

// check says everything that is wrong with a filled Config.
func (c Config) check() error {
	var errs []error
	bad := func(field, why string, args ...any) {
		errs = append(errs, fmt.Errorf("transport: Config."+field+" "+why, args...))
	}
	if c.Self == nil {
		bad("Self", "is nil; give a function that returns this node's Hello")
	} else {
		self := c.Self()
		if err := nodeid.CheckName(self.Node.Name); err != nil {
			bad("Self", "has a bad Node: %w", err)
		}
		if self.Node.Incarnation == 0 {
			bad("Self", "has a Node without incarnation; use nodeid.Next")
		}
		if self.ProtocolMin > self.ProtocolMax {
			bad("Self", "has ProtocolMin %d above ProtocolMax %d", self.ProtocolMin, self.ProtocolMax)
		}
		if len(self.Addr) > maxText || len(c.Advertise) > maxText {
			bad("Advertise", "is longer than %d bytes", maxText)
		}
		if n := len(self.Cluster); n > maxText {
			bad("Self", "has a Cluster of %d bytes; %d is the most", n, maxText)
		}
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("Listen", "%q is not host:port; \"127.0.0.1:0\" takes a free port", c.Listen)
	}
	if c.Advertise != "" {
		if _, _, err := net.SplitHostPort(c.Advertise); err != nil {
			bad("Advertise", "%q is not host:port; leave it empty for the address listened on", c.Advertise)
		}
	}
	if c.TLS != nil && (c.TLS.Certificate == nil || c.TLS.Authorities == nil) {
		bad("TLS", "lacks Certificate or Authorities; TLSFiles gives both")
	}
	errs = append(errs, c.checkLanes()...)
	l, t := c.Limits, c.Timing
	atLeast := func(field string, value, least int) {
		if value < least {
			bad("Limits."+field, "is %d; give at least %d, or 0 for the default", value, least)
		}
	}
	atLeast("Frame", l.Frame, segmentSize)
	atLeast("Message", l.Message, 1)
	atLeast("Lane", l.Lane, segmentSize)
	atLeast("Hello", l.Hello, 1<<10)
	atLeast("Pending", l.Pending, 1)
	if l.Message > 1<<30 || l.Frame > 1<<30 || l.Lane > 1<<30 {
		bad("Limits", "has a size over 1 GiB")
	}
	for field, d := range map[string]time.Duration{"Handshake": t.Handshake, "Connect": t.Connect, "Resume": t.Resume, "Ack": t.Ack,
		"Redial": t.Redial, "User": t.User, "KeepAlive": t.KeepAlive} {
		if d < time.Millisecond {
			bad("Timing."+field, "is %v; give at least 1 ms, or 0 for the default", d)
		}
	}
	if c.Compress < 0 || c.MaxClockOffset < 0 {
		bad("Compress or Config.MaxClockOffset", "is negative; 0 turns it off")
	}
	return errors.Join(errs...)
}

func (c Config) checkLanes() (errs []error) {
	if len(c.Lanes) > maxLanes-len(fixedLanes) {
		errs = append(errs, fmt.Errorf("transport: Config.Lanes has %d names; %d are the most", len(c.Lanes), maxLanes-len(fixedLanes)))
	}
	for i, name := range c.Lanes {
		if name == "" || len(name) > 64 || slices.Contains(fixedLanes, name) || slices.Contains(c.Lanes[:i], name) {
			errs = append(errs, fmt.Errorf("transport: Config.Lanes: %q is empty, longer than 64 bytes, there twice, or one of %v", name, fixedLanes))
		}
	}
	return errs
}
