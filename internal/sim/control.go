package sim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/grovecloud/grove"
)

// maxControl is how large a body the control port reads.
const maxControl = 64 << 10

// Status is a printer as the control port shows it.
type Status struct {
	Serial     string    `json:"serial"`
	Model      string    `json:"model"` // code
	Name       string    `json:"name"`
	LAN        grove.LAN `json:"lan"`   // zero without a network
	State      string    `json:"state"` // its real gcode_state, whatever it reports
	PlateClear bool      `json:"plate_clear"`
	Clients    int       `json:"clients"` // MQTT clients on its network
	Faults     Faults    `json:"faults"`
}

// Status is what the control port shows of the printer.
func (p *Printer) Status() Status {
	s := Status{Serial: p.cfg.Serial, LAN: p.Ports(), Clients: p.Clients()}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Model, s.Name, s.State, s.PlateClear, s.Faults = p.m.model.Code, p.cfg.Name, p.m.state, p.m.plate.clear, p.m.faults
	return s
}

// Control is the HTTP face by which tests let a fleet's printers go wrong; see
// docs/simulator.md. It asks nobody who they are and belongs on a loopback
// address. Pages in a browser are refused.
func (f *Fleet) Control(log *slog.Logger) http.Handler {
	c := &control{fleet: f, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /printers", func(w http.ResponseWriter, _ *http.Request) {
		all := make([]Status, 0, len(f.printers))
		for _, p := range f.printers {
			all = append(all, p.Status())
		}
		c.answer(w, http.StatusOK, map[string]any{"printers": all})
	})
	mux.HandleFunc("GET /printers/{serial}", c.on(func(*Printer, []byte) error { return nil }))
	mux.HandleFunc("PATCH /printers/{serial}/faults", c.on(func(p *Printer, body []byte) error {
		return p.ChangeFaults(func(f *Faults) error { return f.Merge(body) })
	}))
	mux.HandleFunc("PUT /printers/{serial}/access-code", c.on(func(p *Printer, body []byte) error {
		var wish struct {
			AccessCode grove.Secret `json:"access_code"`
		}
		if err := strict(body, &wish); err != nil {
			return err
		}
		return p.SetAccessCode(wish.AccessCode)
	}))
	mux.HandleFunc("POST /printers/{serial}/clear-plate", c.on(func(p *Printer, _ []byte) error {
		p.ClearPlate()
		return nil
	}))
	return mux
}

// Merge changes the faults that a JSON object names; the others stay.
func (f *Faults) Merge(body []byte) error { return strict(body, f) }

// strict reads JSON and refuses members that nobody knows: a fault with a slip in
// its name would never come.
func strict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if wrong, ok := errors.AsType[*grove.Error](err); ok {
			return wrong
		}
		if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return inWords(kind)
		}
		return grove.Errorf(grove.Invalid, "sim_control", "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// What members take, and what was given, for people.
var (
	takes = map[reflect.Kind]string{
		reflect.Bool: "true or false", reflect.Int64: "a whole number", reflect.Float64: "a number", reflect.String: "a word",
		reflect.Slice: "a list of words", reflect.Struct: "an object",
	}
	given = map[string]string{"bool": "true or false", "number": "a number", "string": "a word", "array": "a list", "object": "an object"}
)

func inWords(wrong *json.UnmarshalTypeError) error {
	kind := wrong.Type.Kind()
	if wrong.Type == reflect.TypeFor[HMS]() {
		kind = reflect.Slice // it is of one
	}
	what, exact, _ := strings.Cut(wrong.Value, " ") // "number 1.5" where a whole one is taken
	return grove.Errorf(grove.Invalid, "sim_control", "%s takes %s, not %s", cmp.Or(wrong.Field, "this"), takes[kind], cmp.Or(exact, given[what]))
}

type control struct {
	fleet *Fleet
	log   *slog.Logger
}

// on does something to one printer and shows what has become of it.
func (c *control) on(do func(p *Printer, body []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := c.printer(r)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxControl))
		}
		if err == nil {
			err = do(p, body)
		}
		if err != nil {
			c.answer(w, status(err), map[string]string{"error": err.Error()})
			return
		}
		c.answer(w, http.StatusOK, p.Status())
	}
}

func (c *control) printer(r *http.Request) (*Printer, error) {
	if r.Header.Get("Origin") != "" {
		return nil, grove.Errorf(grove.Forbidden, "sim_control", "no page in a browser may do this")
	}
	p, found := c.fleet.Printer(r.PathValue("serial"))
	if !found {
		return nil, grove.Errorf(grove.NotFound, "sim_control", "there is no printer %.40q here", r.PathValue("serial"))
	}
	return p, nil
}

func (c *control) answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		c.log.Debug("control answer not sent", slog.Any("error", err))
	}
}

func status(err error) int {
	switch {
	case errors.Is(err, grove.NotFound):
		return http.StatusNotFound
	case errors.Is(err, grove.Forbidden):
		return http.StatusForbidden
	case errors.Is(err, grove.Conflict):
		return http.StatusConflict
	}
	return http.StatusBadRequest
}
