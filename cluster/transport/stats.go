package transport

// LaneStats counts what a lane did.
type LaneStats struct {
	Lane        string
	Sent        uint64 // records taken by Send
	Received    uint64 // frames delivered
	Acked       uint64 // frames acknowledged by the peer
	Resent      uint64 // frames that were written again after a reconnect
	Connections uint64 // connections that were made
	Bytes       int    // that wait or are not acknowledged
}

// Stats are those of each lane.
func (s *Session) Stats() []LaneStats {
	list := make([]LaneStats, 0, len(s.lanes))
	for _, l := range s.lanes {
		l.mu.Lock()
		st := l.stats
		st.Lane, st.Received, st.Acked, st.Bytes = l.name, l.received.Load(), l.out.acked, l.out.size
		l.mu.Unlock()
		list = append(list, st)
	}
	return list
}
