package mqtt

import "sync"

// retained bounds what retained messages take.
type retained struct {
	mu    sync.Mutex
	sizes map[string]int
	bytes int64
	most  int64
}

// retainedBytes is what a retained message takes besides topic and payload.
const retainedBytes = 1 << 10

func (r *retained) init(most int64) { r.sizes, r.most = map[string]int{}, most }

// permit says whether there is room for a message.
func (r *retained) permit(topic string, payload int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return payload == 0 || r.bytes-int64(r.sizes[topic])+int64(retainedSize(topic, payload)) <= r.most
}

func retainedSize(topic string, payload int) int { return len(topic) + payload + retainedBytes }

// set notes what is retained under a topic; 0 bytes are nothing.
func (r *retained) set(topic string, payload int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes -= int64(r.sizes[topic])
	if payload == 0 {
		delete(r.sizes, topic)
		return
	}
	r.sizes[topic] = retainedSize(topic, payload)
	r.bytes += int64(r.sizes[topic])
}
