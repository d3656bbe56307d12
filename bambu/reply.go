package bambu

// Reply is the message in which a printer answers a request, as this server
// answers in its stead: the request's members, its sequence_id or "0", a result
// (success or fail) and a reason.
func Reply(r Request, result, reason string) []byte {
	return r.reply(result, reason).payload(r.Class)
}

// Answer is the reply to a request that the printer was sent in other words and
// answered: with the printer's result and its error's number, and for a refusal with
// these words.
func Answer(r Request, got Report, why string) []byte {
	if !got.Failed() {
		return Reply(r, got.Result, got.Reason)
	}
	result := got.Result
	if got.Errno < 0 {
		result = "fail" // which some firmware calls a success
	}
	w := r.reply(result, why)
	if got.ErrCode != 0 {
		w = w.number("err_code", int(got.ErrCode))
	}
	if got.Errno != 0 {
		w = w.number("errno", got.Errno)
	}
	return w.payload(r.Class)
}

func (r Request) reply(result, reason string) members {
	// A request that cannot be read back is answered without its members.
	w, err := r.members("sequence_id", "result", "reason", "err_code", "errno")
	if err != nil {
		w = saying(r.Command)
	}
	if id, ok := r.Fields["sequence_id"]; ok {
		w = w.raw("sequence_id", id)
	} else {
		w = w.text("sequence_id", "0")
	}
	return w.text("result", result).text("reason", reason)
}
