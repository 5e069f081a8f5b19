// Command node is a node of a cluster for the end-to-end tests. It does what it reads, one JSON object a line, and prints what
// happens, one JSON object a line:
//
//	{"ID":1,"Do":"send","To":"b","Stream":"s","Count":1000,"Rate":500}
//	{"ID":2,"Do":"ask","To":"b","Count":100}
//
// Each command is answered by a line with its ID when it is done; commands run beside each other. Beside its answers the node
// prints a line for every member event, and for every Down or exit that a monitor or link brings.
//
// Every node has a process "sink", which takes numbered messages and checks their order, and one "echo", which answers requests. The
// commands are in [commands]. When its input ends, or after SIGTERM, the node leaves and ends with status 0.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/transport"
	"github.com/foundation-runtime/foundation/internal/e2e/find"
)

// leaving bounds how long a node takes to leave.
const leaving = 10 * time.Second

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// program is the node and what it knows.
type program struct {
	sys  *actor.System
	node *cluster.Node
	sink actor.PID

	mu      sync.Mutex // protects the fields below
	out     *json.Encoder
	held    map[string]actor.PID         // PIDs by the name that a command gave them
	dead    map[string]map[string]uint64 // dead letters that were numbered messages, by stream and reason
	senders map[string]*sender           // by stream
}

func main() {
	if err := run(); err != nil {
		_ = json.NewEncoder(os.Stdout).Encode(line{Event: "failed", Time: time.Now(), Err: err.Error()})
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func run() error {
	name := flag.String("name", "", "of the node")
	ballast := flag.Int("ballast", 0, "megabytes to keep in memory")
	cfg, err := parse()
	if err != nil {
		return err
	}
	weight := make([]byte, *ballast<<20)
	for i := 0; i < len(weight); i += 4096 {
		weight[i] = 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	p := &program{out: json.NewEncoder(os.Stdout), held: map[string]actor.PID{}, dead: map[string]map[string]uint64{},
		senders: map[string]*sender{}}
	if p.sys, err = actor.NewSystem(*name, actor.WithLogger(cfg.Logger)); err != nil {
		return err
	}
	p.sys.Subscribe(p.happened)
	if err := p.spawn(); err != nil {
		return err
	}
	if p.node, err = cluster.Join(ctx, p.sys, cfg); err != nil {
		return err
	}
	p.node.Subscribe(p.member)
	p.say(line{Event: "joined", PID: os.Getpid(), Members: p.members()})
	go func() {
		p.serve(ctx, os.Stdin)
		stop()
	}()
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.Background(), leaving)
	defer cancel()
	err = errors.Join(p.node.Leave(last), p.sys.Shutdown(last))
	runtime.KeepAlive(weight)
	if err == nil {
		p.say(line{Event: "left"})
	}
	return err
}

// parse makes a configuration of the flags.
func parse() (cfg cluster.Config, err error) {
	var seeds, keys list
	profile := flag.String("profile", "development", "development, lan or wan")
	flag.StringVar(&cfg.Cluster, "cluster", "", "name of the cluster")
	flag.StringVar(&cfg.Listen, "listen", "", "host:port")
	flag.BoolVar(&cfg.Insecure, "insecure", false, "lan and wan without keys")
	flag.BoolVar(&cfg.Outbound.Drop, "drop", false, "do not wait for slow peers")
	flag.Var(&seeds, "seed", "host:port, may be given several times")
	flag.Var(&keys, "gossip-key", "base64, may be given several times")
	cert := flag.String("tls", "", "path of this node's certificate without .pem; its key ends with -key.pem")
	authority := flag.String("tls-ca", "", "path of the authorities' certificates")
	kind := flag.String("strategy", "", "consul, dns, file, gossip or mdns")
	config := flag.String("strategy-config", "{}", "as JSON")
	verbose := flag.Bool("v", false, "log more")
	flag.Parse()
	cfg.Seeds = seeds
	known := map[string]cluster.Profile{"development": cluster.Development, "lan": cluster.LAN, "wan": cluster.WAN}
	var ok bool
	if cfg.Profile, ok = known[*profile]; !ok {
		return cfg, fmt.Errorf("-profile %q: choose development, lan or wan", *profile)
	}
	for _, k := range keys {
		key, err := base64.StdEncoding.DecodeString(k)
		if err != nil {
			return cfg, fmt.Errorf("-gossip-key: %w", err)
		}
		cfg.GossipKeys = append(cfg.GossipKeys, key)
	}
	if *cert != "" {
		if cfg.TLS, err = transport.TLSFiles(*cert+".pem", *cert+"-key.pem", *authority); err != nil {
			return cfg, err
		}
	}
	if *kind != "" {
		if cfg.Strategy, err = find.Read(*kind, strings.NewReader(*config)); err != nil {
			return cfg, err
		}
	}
	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelInfo
	}
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	cfg.Types = []cluster.Type{cluster.TypeOf[parcel]("e2e.parcel"), cluster.TypeOf[ping]("e2e.ping")}
	cfg.Kinds = []cluster.Kind{cluster.KindOf("idle", func(string) (actor.Actor, error) { return actor.Func(idle), nil })}
	return cfg, nil
}

func idle(*actor.Context, any) error { return nil }

// serve does the commands of in until it ends.
func (p *program) serve(ctx context.Context, in io.Reader) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for s := bufio.NewScanner(in); s.Scan(); {
		var c command
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			p.say(line{Event: "done", Err: err.Error()})
			continue
		}
		wg.Go(func() {
			l := line{}
			f, ok := commands[c.Do]
			err := fmt.Errorf("there is no command %q", c.Do)
			if ok {
				err = f(p, ctx, c, &l)
			}
			if err != nil {
				l.Err = err.Error()
			}
			l.ID, l.Event = c.ID, "done"
			p.say(l)
		})
	}
}

func (p *program) say(l line) {
	l.Time = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.out.Encode(l) // nobody listens: the input ends too
}

// member prints a change of the membership.
func (p *program) member(e cluster.MemberEvent) {
	m := memberOf(e.Member)
	l := line{Event: e.Kind.String(), Member: &m, Other: e.Other.Name}
	for _, x := range e.Links {
		l.Links = append(l.Links, fmt.Sprint(x))
	}
	p.say(l)
}

// happened counts dead letters of numbered messages.
func (p *program) happened(e actor.Event) {
	letter, ok := e.(actor.DeadLetter)
	if !ok {
		return
	}
	m, ok := letter.Message.(parcel)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead[m.Stream] == nil {
		p.dead[m.Stream] = map[string]uint64{}
	}
	p.dead[m.Stream][reasonOf(letter.Reason)]++
}

// reasonOf is a short text for a reason.
func reasonOf(err error) string {
	for _, known := range []error{actor.NoConnection, actor.NoProc, actor.ErrOverloaded, actor.ErrConnectionLost, actor.ErrMailboxFull,
		actor.ErrExpired, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return err.Error()
}
