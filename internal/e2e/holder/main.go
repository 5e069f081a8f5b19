// Command holder takes a leased name again and again, and writes to the store of the test while it has it, for the end-to-end tests.
//
//	holder -node a -consul 10.77.0.1:8500 -store /tmp/socket -ttl 4s -turn 20ms
//
// Each turn of its process tells the store that it begins, lasts as long as -turn says, and then writes with the token. It prints one JSON
// object a line for each lease that begins and ends. It goes on until it is killed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/lease"
)

// line is what is printed.
type line struct {
	Event   string // began, ended
	Time    time.Time
	Token   lease.Token
	Session string
	Reason  string `json:",omitempty"`
}

func main() {
	fmt.Fprintln(os.Stderr, "holder:", run())
	os.Exit(1)
}

// run returns only with an error.
func run() error {
	var cfg lease.Config
	node := flag.String("node", "", "name of the System")
	socket := flag.String("store", "", "where the store listens")
	turn := flag.Duration("turn", 20*time.Millisecond, "how long a turn lasts")
	flag.StringVar(&cfg.Address, "consul", "", "address of the agent")
	flag.DurationVar(&cfg.TTL, "ttl", 0, "of the session")
	flag.Parse()
	cfg.MinTTL = cfg.TTL
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	sys, err := actor.NewSystem(*node)
	if err != nil {
		return err
	}
	leases, err := lease.New(sys, cfg)
	if err != nil {
		return err
	}
	h := &holder{sys: sys, leases: leases, turn: *turn, out: json.NewEncoder(os.Stdout), client: &http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", *socket)
		}}}}
	for {
		if err := h.once(); err != nil {
			return err
		}
	}
}

type holder struct {
	sys    *actor.System
	leases *lease.Registry
	turn   time.Duration
	client *http.Client
	out    *json.Encoder
}

// once takes the name and returns when it has lost it.
func (h *holder) once() error {
	var hold *lease.Hold
	pid, err := h.sys.Spawn(h.leases.Actor("name", func(got *lease.Hold) (actor.Actor, error) {
		hold = got
		return actor.Func(func(ctx *actor.Context, _ any) error {
			began := time.Now()
			ctx.SendAfter(time.Millisecond, ctx.Self(), "turn")
			ctx.Blocking(func() {
				h.tell("begin", hold.Token(), began)
				<-time.After(h.turn)
				h.tell("write", hold.Token(), began)
			})
			return nil
		}), nil
	}, lease.Wait()))
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	if _, err := h.sys.Go(func(p *actor.Process) error {
		p.Monitor(pid)
		for {
			m, err := p.Receive(p)
			if err != nil {
				ended <- err
				return err
			}
			if down, ok := m.(actor.Down); ok {
				ended <- down.Reason
				return nil
			}
		}
	}); err != nil {
		return err
	}
	if err := h.out.Encode(line{Event: "began", Time: time.Now(), Token: hold.Token(), Session: h.leases.Stats().Session}); err != nil {
		return err
	}
	h.sys.Send(pid, "turn")
	reason := <-ended
	return h.out.Encode(line{Event: "ended", Time: time.Now(), Token: hold.Token(), Reason: fmt.Sprint(reason)})
}

// tell sends something to the store; that it is refused is for the store to note.
func (h *holder) tell(what string, token lease.Token, began time.Time) {
	q := url.Values{"node": {h.sys.Name()}, "token": {token.String()}, "began": {began.Format(time.RFC3339Nano)}}
	resp, err := h.client.Post("http://store/"+what+"?"+q.Encode(), "text/plain", nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, "the store:", err)
		return
	}
	resp.Body.Close()
}
