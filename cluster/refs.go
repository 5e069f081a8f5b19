package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// How a PID is written: one of these, then what it says. Forms from 16 on are kept for PIDs of other clusters.
const (
	pidNobody   byte = iota
	pidSender        // of the node that wrote it: id
	pidReceiver      // of the node that reads it: id
	pidOther         // node, incarnation, id
	nameSender       // name
	nameReceiver
	nameOther // node, incarnation, name
)

// maxName bounds names of processes on the wire.
const maxName = 4 << 10

// refs turns references into bytes for one peer and back. It is codec.Refs.
type refs struct {
	sys  *actor.System
	edge *actor.Edge
	own  bool // what is read was written here
}

// writer is a process of the node that wrote what is read.
func (r refs) writer(id uint64) actor.PID {
	if r.own {
		return r.sys.PIDOf(actor.Address{Node: r.sys.Name(), Incarnation: r.sys.Incarnation(), ID: id})
	}
	return r.edge.PID(id)
}

// reader is the address, without process or name, of the node that it was written for.
func (r refs) reader() actor.Address {
	if r.own {
		return actor.Address{Node: r.edge.Node(), Incarnation: r.edge.Incarnation()}
	}
	return actor.Address{Node: r.sys.Name(), Incarnation: r.sys.Incarnation()}
}

// AppendPID implements codec.Refs.
func (r refs) AppendPID(b []byte, pid actor.PID) []byte {
	a := pid.Address()
	if a.Node == "" {
		return append(b, pidNobody)
	}
	form := pidOther
	switch {
	case a.Node == r.sys.Name() && a.Incarnation == r.sys.Incarnation():
		form = pidSender
	case a.Node == r.edge.Node() && a.Incarnation == r.edge.Incarnation():
		form = pidReceiver
	}
	if a.Name != "" {
		form += nameSender - pidSender
	}
	b = append(b, form)
	if form == pidOther || form == nameOther {
		b = appendText(b, a.Node)
		b = binary.AppendUvarint(b, a.Incarnation)
	}
	if a.Name != "" {
		return appendText(b, a.Name)
	}
	return binary.AppendUvarint(b, a.ID)
}

var errPID = errors.New("cluster: a PID is malformed")

// PID implements codec.Refs.
func (r refs) PID(b []byte) (actor.PID, error) {
	d := decoder{b: b}
	pid := r.read(&d)
	if d.bad || len(d.b) > 0 {
		return actor.PID{}, errPID
	}
	return pid, nil
}

// read decodes a PID that the peer wrote.
func (r refs) read(d *decoder) actor.PID {
	form := d.byte()
	var a actor.Address
	switch form {
	case pidNobody:
		return actor.PID{}
	case pidSender, nameSender:
		there := refs{r.sys, r.edge, !r.own}
		a = there.reader()
	case pidReceiver, nameReceiver:
		a = r.reader()
	case pidOther, nameOther:
		a.Node, a.Incarnation = d.text(nodeid.MaxName), d.uvarint()
		d.bad = d.bad || nodeid.CheckName(a.Node) != nil
	default:
		d.bad = true
	}
	if form >= nameSender {
		a.Name = d.text(maxName)
		d.bad = d.bad || a.Name == ""
	} else {
		a.ID = d.uvarint()
		d.bad = d.bad || a.ID == 0
	}
	if d.bad {
		return actor.PID{}
	}
	return r.sys.PIDOf(a)
}

// AppendReplyTo implements codec.Refs.
func (r refs) AppendReplyTo(b []byte, reply any) ([]byte, error) {
	pid, _ := r.edge.ReplyPID(reply)
	return r.AppendPID(b, pid), nil
}

// ReplyTo implements codec.Refs.
func (r refs) ReplyTo(b []byte, into any) error {
	pid, err := r.PID(b)
	if err != nil {
		return err
	}
	if !r.sys.ReplyTo(pid, into) {
		return fmt.Errorf("cluster: %T is no ReplyTo", into)
	}
	return nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decoder reads what the append functions wrote. Once something is wrong, bad stays set and all it gives is zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) byte() byte {
	if d.bad || len(d.b) == 0 {
		d.bad = true
		return 0
	}
	x := d.b[0]
	d.b = d.b[1:]
	return x
}

func (d *decoder) uvarint() uint64 {
	x, n := binary.Uvarint(d.b)
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return x
}

func (d *decoder) uint64() uint64 {
	if d.bad || len(d.b) < 8 {
		d.bad = true
		return 0
	}
	x := binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	return x
}

// bytes reads a length of at most limit and as many bytes, which are d's.
func (d *decoder) bytes(limit int) []byte {
	n := d.uvarint()
	if d.bad || n > uint64(limit) || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	x := d.b[:n]
	d.b = d.b[n:]
	return x
}

func (d *decoder) text(limit int) string { return string(d.bytes(limit)) }
