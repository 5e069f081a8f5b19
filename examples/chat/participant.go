package main

import (
	"context"
	"errors"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

// participant is a node with a room.
type participant struct {
	sys     *actor.System
	node    *cluster.Node
	room    actor.PID
	forward func() // ends what follow began
}

// enter joins the chat under a name. show gets every line that the user shall see, one at a time.
func enter(ctx context.Context, name string, cfg cluster.Config, show func(string)) (p *participant, err error) {
	p = &participant{}
	if p.sys, err = actor.NewSystem(name, actor.WithLogger(cfg.Logger)); err != nil {
		return nil, err
	}
	// The room is there before the node is: who finds this node finds it.
	p.room, err = p.sys.Spawn(newRoom(name, show), actor.WithName(roomName))
	if err == nil {
		cfg.Types = []cluster.Type{cluster.TypeOf[hello]("chat.hello"), cluster.TypeOf[said]("chat.said"), cluster.TypeOf[bye]("chat.bye")}
		p.node, err = cluster.Join(ctx, p.sys, cfg)
	}
	if err != nil {
		return nil, errors.Join(err, p.sys.Shutdown(context.WithoutCancel(ctx)))
	}
	p.sys.Send(p.room, notice{"You are " + name + ". Type to talk; /who lists who is there, /quit leaves."})
	p.follow()
	return p, nil
}

// follow tells the room who is a member, now and from now on.
func (p *participant) follow() {
	tell := func() {
		var rooms []actor.PID
		for _, m := range p.node.Members() {
			if m.Name != p.sys.Name() && (m.State == cluster.Up || m.State == cluster.Suspect) {
				rooms = append(rooms, p.node.Named(m, roomName))
			}
		}
		p.sys.Send(p.room, roster{rooms})
	}
	p.forward = p.node.Subscribe(func(e cluster.MemberEvent) {
		if e.Kind == cluster.AlarmDuplicateName {
			p.sys.Send(p.room, notice{"somebody else wants to be called " + e.Member.Name})
		}
		tell()
	})
	tell()
}

// typed takes a line of the user. It is false if that was the last one.
func (p *participant) typed(text string) bool {
	if text == "/quit" {
		return false
	}
	p.sys.Send(p.room, line{text})
	return true
}

// leave says goodbye to everybody.
func (p *participant) leave(ctx context.Context) error {
	p.forward()
	_, err := actor.Ask(ctx, p.room, leave{})
	return errors.Join(err, p.node.Leave(ctx), p.sys.Shutdown(ctx))
}
