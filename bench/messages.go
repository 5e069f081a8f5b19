package main

// note is the message of the workloads that send a pointer. It is allocated once: what is measured is the sending.
type note struct{ _ [16]byte }

// quote is the 32-byte message of the workload that sends by value.
type quote struct {
	ID       uint64
	Bid, Ask float64
	Size     int64
}

// ball is a message on its way between processes: each takes one off left and sends it on. It is owned by whoever
// holds it.
type ball struct{ left int }
