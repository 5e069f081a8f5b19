package crdt

import "encoding/binary"

// The encodings are these, with numbers as shortest varints, texts behind their length, stamps and incarnations as 8
// bytes. Each value has exactly one encoding, and what is decoded encodes to the same bytes again.
//
//	origin   node text, incarnation
//	entry    kind byte, name text, pid 16 bytes, meta text, stamp, epoch
//	op       0x01 drop | 0x02 entry | 0x03 drop entry
//	delta    form, origin, first, count, ops
//	digest   form, origin, upto, hash 8 bytes
//	request  form, origin, base, upto, after
//	page     form, origin, base, first, after, cursor, done byte, count, ops, count, items (seq - previous seq, entry)

const (
	opDrop byte = 1 << iota
	opAdd
)

// Least sizes of elements, against which counts are checked.
const (
	minOp    = 2
	minEntry = 1 + 1 + 1 + len(PID{}) + 1 + 8 + 1
	minItem  = 1 + minEntry
)

func appendEntry(dst []byte, e *Entry) []byte {
	dst = appendText(append(dst, byte(e.Kind)), e.Name)
	dst = appendText(append(dst, e.PID[:]...), e.Meta)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Stamp))
	return binary.AppendUvarint(dst, e.Epoch)
}

func (r *reader) entry(e *Entry) {
	e.Kind = Kind(r.byte())
	e.Name = string(r.text(1, MaxNameBytes))
	copy(e.PID[:], r.bytes(len(e.PID)))
	e.Meta = string(r.text(0, MaxMetaBytes))
	e.Stamp = Stamp(r.fixed())
	e.Epoch = r.number()
}

func appendOps(dst []byte, ops []Op) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(ops)))
	for i := range ops {
		dst = appendOp(dst, &ops[i])
	}
	return dst
}

func appendOp(dst []byte, op *Op) []byte {
	flags := byte(0)
	if op.Drop != 0 {
		flags |= opDrop
	}
	if op.Add {
		flags |= opAdd
	}
	dst = append(dst, flags)
	if op.Drop != 0 {
		dst = binary.AppendUvarint(dst, op.Drop)
	}
	if op.Add {
		dst = appendEntry(dst, &op.Entry)
	}
	return dst
}

func (r *reader) ops() []Op {
	n := r.count(minOp)
	if n == 0 {
		return nil
	}
	ops := make([]Op, n)
	for i := 0; i < n && r.err == nil; i++ {
		flags := r.byte()
		if flags == 0 || flags > opDrop|opAdd {
			r.fail("unknown operation")
		}
		if flags&opDrop != 0 {
			if ops[i].Drop = r.seq(); ops[i].Drop == 0 {
				r.fail("drops nothing")
			}
		}
		if ops[i].Add = flags&opAdd != 0; ops[i].Add {
			r.entry(&ops[i].Entry)
		}
	}
	return ops
}

// Append encodes d behind dst.
func (d *Delta) Append(dst []byte) []byte {
	dst = appendOrigin(append(dst, byte(formDelta)), d.Origin)
	return appendOps(binary.AppendUvarint(dst, d.First), d.Ops)
}

// DecodeDelta is the inverse of [Delta.Append].
func DecodeDelta(src []byte) (Delta, error) {
	r := open(src, formDelta)
	d := Delta{Origin: r.origin(), First: r.seq()}
	if d.First == 0 {
		r.fail("no operation has number 0")
	}
	d.Ops = r.ops()
	if err := r.close(); err != nil {
		return Delta{}, err
	}
	return d, nil
}

// Append encodes d behind dst.
func (d Digest) Append(dst []byte) []byte {
	dst = appendOrigin(append(dst, byte(formDigest)), d.Origin)
	return binary.BigEndian.AppendUint64(binary.AppendUvarint(dst, d.Upto), d.Hash)
}

// DecodeDigest is the inverse of [Digest.Append].
func DecodeDigest(src []byte) (Digest, error) {
	r := open(src, formDigest)
	d := Digest{r.origin(), r.seq(), r.fixed()}
	if err := r.close(); err != nil {
		return Digest{}, err
	}
	return d, nil
}

// Append encodes q behind dst.
func (q PageRequest) Append(dst []byte) []byte {
	dst = appendOrigin(append(dst, byte(formRequest)), q.Origin)
	for _, n := range []uint64{q.Base, q.Upto, q.After} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// DecodePageRequest is the inverse of [PageRequest.Append].
func DecodePageRequest(src []byte) (PageRequest, error) {
	r := open(src, formRequest)
	q := PageRequest{r.origin(), r.seq(), r.seq(), r.seq()}
	if err := r.close(); err != nil {
		return PageRequest{}, err
	}
	return q, nil
}

// Append encodes p behind dst.
func (p *Page) Append(dst []byte) []byte {
	dst = appendOrigin(append(dst, byte(formPage)), p.Origin)
	for _, n := range []uint64{p.Base, p.First, p.After, p.Cursor} {
		dst = binary.AppendUvarint(dst, n)
	}
	done := byte(0)
	if p.Done {
		done = 1
	}
	dst = appendOps(append(dst, done), p.Ops)
	dst = binary.AppendUvarint(dst, uint64(len(p.Items)))
	last := p.After
	for i := range p.Items {
		dst = appendEntry(binary.AppendUvarint(dst, p.Items[i].Seq-last), &p.Items[i].Entry)
		last = p.Items[i].Seq
	}
	return dst
}

// DecodePage is the inverse of [Page.Append]. Items ascend, above After and up to Cursor.
func DecodePage(src []byte) (Page, error) {
	r := open(src, formPage)
	p := Page{Origin: r.origin(), Base: r.seq(), First: r.seq(), After: r.seq(), Cursor: r.seq()}
	done := r.byte()
	if done > 1 || p.First == 0 || p.After > p.Cursor || p.Cursor > p.Base {
		r.fail("impossible page")
	}
	p.Done = done == 1
	p.Ops = r.ops()
	last := p.After
	if n := r.count(minItem); n > 0 {
		p.Items = make([]Item, n)
	}
	for i := 0; i < len(p.Items) && r.err == nil; i++ {
		step := r.seq()
		if step == 0 || step > p.Cursor-last {
			r.fail("items out of order")
			break
		}
		last += step
		p.Items[i].Seq = last
		r.entry(&p.Items[i].Entry)
	}
	if err := r.close(); err != nil {
		return Page{}, err
	}
	return p, nil
}
