package actor

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// Timer is a message under way in time. The zero Timer is of nothing.
type Timer struct{ t *timer }

// Stop keeps the message from being delivered, even if it is in the mailbox already. It reports whether it did so.
func (t Timer) Stop() bool { return t.t != nil && t.t.stop() }

type timer struct {
	at    time.Time
	seq   uint64 // order among equal times
	call  func()
	clock *clock
	index int // in the heap, -1 outside; under clock.mu
	state atomic.Uint32
}

const (
	timerPending uint32 = iota
	timerDelivered
	timerStopped
)

func (t *timer) stop() bool {
	if !t.state.CompareAndSwap(timerPending, timerStopped) {
		return false
	}
	t.clock.remove(t)
	return true
}

// deliver claims the delivery; it is false after stop.
func (t *timer) deliver() bool { return t.state.CompareAndSwap(timerPending, timerDelivered) }

// clock calls functions at times, on one goroutine that is started with the first timer.
type clock struct {
	sys  *System
	kick chan struct{}
	gone chan struct{} // closed when the goroutine ended

	mu      sync.Mutex // protects the fields below
	heap    timerHeap
	count   uint64
	running bool
	stopped bool
}

func (c *clock) init(sys *System) {
	c.sys = sys
	c.kick = make(chan struct{}, 1)
	c.gone = make(chan struct{})
}

// call calls f after d, on the clock's goroutine: f must not wait.
func (c *clock) call(d time.Duration, f func()) *timer {
	t := &timer{call: f}
	c.add(t, d)
	return t
}

func (c *clock) add(t *timer, d time.Duration) {
	t.at, t.clock, t.index = time.Now().Add(max(d, 0)), c, -1
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		t.state.Store(timerStopped)
		return
	}
	c.count++
	t.seq = c.count
	heap.Push(&c.heap, t)
	if !c.running {
		c.running = true
		go c.run()
	} else if t.index == 0 {
		c.nudge()
	}
}

func (c *clock) nudge() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// send is SendAfter.
func (c *clock) send(d time.Duration, to PID, msg any, from PID, m *meta) Timer {
	t := &timer{}
	h := newSignal(kindTimer, nil, 0)
	h.meta, h.timer = m, t
	t.call = func() {
		if t.state.Load() == timerPending {
			c.sys.deliverNow(to, envelope{msg, from, h})
		}
	}
	c.add(t, d)
	return Timer{t}
}

func (c *clock) remove(t *timer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.index >= 0 {
		heap.Remove(&c.heap, t.index)
	}
}

func (c *clock) run() {
	defer close(c.gone)
	wait := time.NewTimer(time.Hour)
	defer wait.Stop()
	for {
		c.mu.Lock()
		if c.stopped {
			c.mu.Unlock()
			return
		}
		var due *timer
		next := time.Duration(-1)
		if len(c.heap) > 0 {
			if next = time.Until(c.heap[0].at); next <= 0 {
				due = heap.Pop(&c.heap).(*timer)
			}
		}
		c.mu.Unlock()
		if due != nil {
			due.call()
			continue
		}
		var tick <-chan time.Time
		if next > 0 {
			wait.Reset(next)
			tick = wait.C
		}
		select {
		case <-tick:
		case <-c.kick:
		}
	}
}

// stop ends the clock; what is pending is forgotten.
func (c *clock) stop() {
	c.mu.Lock()
	c.stopped = true
	c.heap = nil
	running := c.running
	c.mu.Unlock()
	c.nudge()
	if running {
		<-c.gone
	}
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
