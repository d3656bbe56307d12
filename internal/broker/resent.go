package broker

import (
	"hash/maphash"
	"sync"
	"time"
)

// A client that lost its connection before it saw the acknowledgement sends a
// QoS 1 or 2 request again, marked as a duplicate. MQTT allows to take it twice;
// a printer told twice starts twice. So requests are remembered for a while.
const (
	rememberFor = 15 * time.Minute
	remembered  = 4096 // requests, of all clients together
)

type resent struct {
	mu   sync.Mutex
	seed maphash.Seed
	seen map[request]time.Time
}

// request tells one request from another: who sent it, under which packet id.
type request struct {
	principal string
	packet    uint16
	sum       uint64 // of topic and payload
}

func newResent() resent {
	return resent{seed: maphash.MakeSeed(), seen: make(map[request]time.Time)}
}

// twice remembers a request and reports whether a duplicate was taken before.
func (r *resent) twice(p publication) bool {
	if p.packet.FixedHeader.Qos == 0 {
		return false
	}
	var h maphash.Hash
	h.SetSeed(r.seed)
	_, _ = h.WriteString(p.serial)
	_ = h.WriteByte(0)
	_, _ = h.Write(p.packet.Payload)
	key := request{principal: p.principal, packet: p.packet.PacketID, sum: h.Sum64()}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.seen[key]; ok && p.packet.FixedHeader.Dup && now.Sub(at) < rememberFor {
		return true
	}
	if len(r.seen) >= remembered {
		r.forget(now)
	}
	r.seen[key] = now
	return false
}

// forget makes room: first what is old, then whatever comes.
func (r *resent) forget(now time.Time) {
	for key, at := range r.seen {
		if now.Sub(at) >= rememberFor {
			delete(r.seen, key)
		}
	}
	for key := range r.seen {
		if len(r.seen) < remembered*3/4 {
			return
		}
		delete(r.seen, key)
	}
}
