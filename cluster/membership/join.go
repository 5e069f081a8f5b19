package membership

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"
)

// Join asks the nodes at these addresses, host:port each, to take us in, and to tell who else is there. It returns how many
// did; an error only if none did, one for each address, which says why as far as that can be known: [ErrHungUp], [ErrKey]
// and so on. Our own address is passed over. All addresses are tried again until there is a member at each, so a failed Join
// need not be repeated; see [RejoinConfig].
func (m *Members) Join(ctx context.Context, addrs ...string) (int, error) {
	if err := m.remember(addrs); err != nil {
		return 0, err
	}
	defer m.wake() // the rejoiner goes on with what is left
	results := make(chan joinResult, len(addrs))
	slots := make(chan struct{}, m.cfg.Rejoin.Parallel)
	for _, addr := range addrs {
		if !m.start(func() {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
				results <- joinResult{err: ctx.Err()}
				return
			}
			results <- m.joinOne(ctx, addr)
		}) {
			return 0, ErrClosed
		}
	}
	n := 0
	var errs []error
	for range addrs {
		select {
		case r := <-results:
			n += r.contacted
			errs = append(errs, r.err)
		case <-ctx.Done():
			if n > 0 {
				return n, nil
			}
			return 0, errors.Join(append(errs, ctx.Err())...)
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, errors.Join(errs...)
}

// Discovered adds addresses at which there may be nodes, from whatever looks for them. They are joined soon, unless somebody
// is alive there. What is not host:port is an error, and the others are taken all the same.
func (m *Members) Discovered(addrs ...string) error {
	err := m.remember(addrs)
	m.wake()
	return err
}

// remember puts addresses into the book.
func (m *Members) remember(addrs []string) error {
	var errs []error
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.leaving {
		return ErrClosed
	}
	now := time.Now()
	for _, a := range addrs {
		host, port, err := net.SplitHostPort(a)
		if err != nil || host == "" || port == "" || port == "0" {
			errs = append(errs, fmt.Errorf("cluster/membership: address %q is not host:port; give both", a))
			continue
		}
		m.book.learn(a, now)
	}
	return errors.Join(errs...)
}

// start runs f in a goroutine that Close waits for; false if it is too late.
func (m *Members) start(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.wg.Go(f)
	return true
}

func (m *Members) wake() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// foundSelf is told that an address leads back to us.
func (m *Members) foundSelf(addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.book.ours(addr)
}

func (m *Members) isSelf(addr string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.book.self[addr]
}

// joinResult is how it went with one address.
type joinResult struct {
	contacted int
	err       error // nil although nobody was contacted: it is our own
}

// joinOne joins whoever is at addr: a name may stand for several.
func (m *Members) joinOne(ctx context.Context, addr string) (r joinResult) {
	targets, err := resolve(ctx, addr)
	if err != nil {
		return joinResult{err: fmt.Errorf("cluster/membership: join %s: %w", addr, err)}
	}
	var errs []error
	for _, t := range targets {
		if m.isSelf(t) || m.ctx.Err() != nil {
			continue
		}
		_, err := m.ml.Join([]string{t})
		switch {
		case err == nil:
			r.contacted++
		case !m.isSelf(t): // it may have turned out meanwhile
			errs = append(errs, joinError(t, err))
		}
	}
	if len(targets) == 1 && targets[0] != addr && m.isSelf(targets[0]) {
		m.foundSelf(addr)
	}
	if m.ctx.Err() != nil {
		errs = append(errs, ErrClosed)
	}
	r.err = errors.Join(errs...)
	return r
}

// resolve turns host:port into addresses with an IP.
func resolve(ctx context.Context, addr string) ([]string, error) {
	if a, err := netip.ParseAddrPort(addr); err == nil {
		return []string{netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()}, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	p, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(ips))
	for _, ip := range ips {
		out = append(out, netip.AddrPortFrom(ip.Unmap(), uint16(p)).String())
	}
	return out, nil
}

// rejoin keeps joining the addresses at which nobody is alive.
func (m *Members) rejoin() {
	for {
		now := time.Now()
		m.mu.Lock()
		var join []string
		var again time.Time
		if !m.leaving {
			join, again = plan(now, m.book, m.alive)
			m.book.begin(join, now, m.alive)
		}
		m.mu.Unlock()
		for _, addr := range join {
			m.wg.Go(func() { m.attempt(addr, now) })
		}
		var timer <-chan time.Time
		var t *time.Timer
		if !again.IsZero() {
			t = time.NewTimer(time.Until(again))
			timer = t.C
		}
		select {
		case <-timer:
		case <-m.kick:
		case <-m.ctx.Done():
		}
		if t != nil {
			t.Stop()
		}
		if m.ctx.Err() != nil {
			return
		}
	}
}

// attempt is one try of the rejoiner.
func (m *Members) attempt(addr string, start time.Time) {
	ctx, cancel := context.WithTimeout(m.ctx, m.cfg.Profile.StreamTimeout)
	defer cancel()
	r := m.joinOne(ctx, addr)
	how := answered
	switch {
	case errors.Is(r.err, ErrKey) || errors.Is(r.err, ErrVersion):
		how = refused
	case r.err != nil && r.contacted == 0:
		how = failed
	}
	m.mu.Lock()
	m.book.done(addr, start, time.Now(), how, len(m.table) == 0, rand.Float64())
	m.mu.Unlock()
	m.wake()
}
