package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"

	"github.com/grovecloud/grove/bambu"
)

// A command carries one request out. It gives what the reply says beyond the
// request's own fields, or why it was refused, in words.
type command func(m *machine, r request) (extra, error)

// extra are further members of a reply.
type extra map[string]any

// silent is a command that answers in its own way, or not at all.
var silent = extra{"": nil}

// refusal is a refused command that carries an error code.
type refusal struct {
	words string
	code  int64
}

func (r refusal) Error() string { return r.words }

// commands are all that a simulated printer understands, by class and name.
// Sources: OpenBambuAPI, BambuStudio's senders, ha-bambulab's commands.
var commands = func() map[string]command {
	all := map[string]command{}
	for _, part := range []map[string]command{readCommands, printCommands, heatCommands, houseCommands, amsCommands} {
		maps.Copy(all, part)
	}
	return all
}()

// readCommands change nothing.
var readCommands = map[string]command{
	"pushing.pushall": func(m *machine, _ request) (extra, error) {
		m.say(m.report.everything(m))
		return silent, nil
	},
	"pushing.start": func(m *machine, _ request) (extra, error) {
		m.say(m.report.everything(m))
		return silent, nil
	},
	"pushing.stop": func(m *machine, _ request) (extra, error) {
		m.asked = false
		return silent, nil
	},
	"info.get_version": func(m *machine, _ request) (extra, error) { return extra{"module": m.versions()}, nil },
	"upgrade.get_history": func(*machine, request) (extra, error) {
		return extra{"firmware_optional": []any{}}, nil
	},
	"system.get_accessories": func(m *machine, _ request) (extra, error) {
		return extra{"nozzle_type": m.settings.nozzleType, "nozzle_diameter": json.Number(m.settings.nozzleDiameter)}, nil
	},
	"system.get_access_code": func(m *machine, _ request) (extra, error) {
		if m.stands == nil {
			return nil, errors.New("this printer is reached through its cloud and has no access code")
		}
		return extra{"access_code": string(m.stands.AccessCode)}, nil
	},
	"security.app_cert_list": func(*machine, request) (extra, error) {
		return extra{"cert_ids": []any{}}, nil
	},
	"camera.ipcam_get_media_info": func(*machine, request) (extra, error) {
		return extra{"is_enough": true, "file_count": 0}, nil
	},
}

// obey carries out one request and replies. Starts may be answered later, and
// an unknown command is refused, not ignored.
func (m *machine) obey(r bambu.Request) {
	req := request{r}
	if !m.verified(r) {
		m.answer(req, extra{"result": "failed"}, refusal{"mqtt message verify failed", errorSignature})
		return
	}
	do, known := commands[r.Class+"."+r.Command]
	if !known {
		m.answer(req, nil, errors.New("unknown command"))
		return
	}
	more, err := do(m, req)
	m.answer(req, more, err)
}

// answer echoes the request with its result, as printers do, unless the command
// speaks for itself.
func (m *machine) answer(r request, more extra, err error) {
	if _, quiet := more[""]; quiet {
		return
	}
	body := make(map[string]any, len(r.Fields)+4)
	for k, v := range r.Fields {
		body[k] = v
	}
	if _, ok := body["sequence_id"]; !ok {
		body["sequence_id"] = "0"
	}
	body["result"], body["reason"] = "success", ""
	if err != nil {
		body["result"], body["reason"] = "fail", err.Error()
		if coded, ok := errors.AsType[refusal](err); ok {
			body["err_code"] = coded.code
		}
	}
	maps.Copy(body, more)
	payload, err := json.Marshal(map[string]any{r.Class: body})
	if err != nil {
		m.cfg.Log.Error("reply not encoded", slog.Any("error", err))
		return
	}
	m.say(payload)
}

// request is a command with its fields read in the ways that clients write them:
// numbers as text and the other way round.
type request struct{ bambu.Request }

// text is a field as text, "" when absent.
func (r request) text(key string) string {
	raw := r.Fields[key]
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// has reports whether the field is there at all.
func (r request) has(key string) bool {
	_, ok := r.Fields[key]
	return ok
}

// number is a field as a number.
func (r request) number(key string) (float64, error) {
	s := strings.TrimSpace(r.text(key))
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n != n {
		return 0, fmt.Errorf("%s: %q is not a number", key, s)
	}
	return n, nil
}

// between is a number within bounds; anything else is refused, never clamped.
func (r request) between(key string, low, high int) (int, error) {
	n, err := r.number(key)
	if err != nil {
		return 0, err
	}
	if n < float64(low) || n > float64(high) {
		return 0, fmt.Errorf("%s: %g is outside %d to %d", key, n, low, high)
	}
	return int(n), nil
}

// whole is a number of any size, or the given one when the field is absent or no number.
func (r request) whole(key string, otherwise int) int {
	n, err := r.number(key)
	if err != nil {
		return otherwise
	}
	return int(n)
}

// flag is a field that is true or false.
func (r request) flag(key string) bool {
	switch strings.ToLower(r.text(key)) {
	case "true", "1", "enable", "on":
		return true
	}
	return false
}

// ints is a list of numbers.
func (r request) ints(key string) ([]int, error) {
	var list []int
	if raw, ok := r.Fields[key]; ok {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("%s: not a list of numbers", key)
		}
	}
	return list, nil
}

// done is a command that needs nothing but its reply.
func done(*machine, request) (extra, error) { return nil, nil }
