package bambu

// Reply is the message in which a printer answers a request, as this server
// answers in its stead: the request's members, its sequence_id or "0", a result
// (success or fail) and a reason.
func Reply(r Request, result, reason string) []byte {
	// A request that cannot be read back is answered without its members.
	w, err := r.members("sequence_id", "result", "reason")
	if err != nil {
		w = saying(r.Command)
	}
	if id, ok := r.Fields["sequence_id"]; ok {
		w = w.raw("sequence_id", id)
	} else {
		w = w.text("sequence_id", "0")
	}
	return w.text("result", result).text("reason", reason).payload(r.Class)
}
