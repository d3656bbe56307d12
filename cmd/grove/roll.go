package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

// rollColumns are those of a file of printers, in any order; the first two are needed.
var rollColumns = []string{"host", "access_code", "serial", "name", "model", "mqtts_port", "ftps_port", "camera_port", "rtsps_port"}

// rollLine is one printer of a file, or why its line is none.
type rollLine struct {
	number int
	in     cloudapi.LANRequest
	err    error
}

// rollResult is what became of a line.
type rollResult struct {
	Line   int    `json:"line"`
	Serial string `json:"serial"`
	Host   string `json:"host"`
	Result string `json:"result"` // added, or what was wrong
	Reason string `json:"reason,omitempty"`
}

// addedAtOnce is how many printers are tried at the same time.
const addedAtOnce = 8

// addAll adds the printers of a file. A bad line keeps none of the others out.
func (c *printersAddCmd) addAll(ctx context.Context, at *cloud, cl *client.Client) error {
	if c.Serial != "" || c.Name != "" || c.Code != "" || c.ports != (ports{}) {
		return grove.Errorf(grove.Invalid, "csv_alone", "with --csv serial, name, code and ports stand in the file; leave out their flags, and look at GROVE_ACCESS_CODE")
	}
	lines, err := c.readRoll()
	if err != nil {
		return err
	}
	results := make([]rollResult, len(lines))
	free := make(chan struct{}, addedAtOnce)
	var adding sync.WaitGroup
	for i, l := range lines {
		free <- struct{}{}
		adding.Go(func() {
			results[i] = c.addLine(ctx, cl, l)
			<-free
		})
	}
	adding.Wait()
	bad := 0
	for _, r := range results {
		if r.Reason != "" {
			bad++
		}
	}
	err = at.show(results, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "LINE\tSERIAL\tHOST\tRESULT")
		for _, r := range results {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", r.Line, r.Serial, r.Host, r.Result)
		}
	})
	if err == nil && bad > 0 {
		err = grove.Errorf(grove.Conflict, "lines_failed", "%d of %s not added; mend their lines and run it again, which leaves the others as they are",
			bad, plural(len(results), "printer was", "printers were"))
	}
	return err
}

func (c *printersAddCmd) addLine(ctx context.Context, cl *client.Client, l rollLine) rollResult {
	r := rollResult{Line: l.number, Serial: l.in.Serial, Host: l.in.Host, Result: "added"}
	err := l.err
	if err == nil {
		l.in.Bridge, l.in.PlateClear, l.in.Force = c.Bridge, c.Clear, c.Force
		if l.in.Model == "" {
			l.in.Model = c.Model
		}
		var bound cloudapi.LANBound
		if bound, err = cl.AddPrinter(ctx, l.in); err == nil {
			r.Serial = bound.Printer.Serial
		}
	}
	if err != nil {
		e := grove.AsError(err)
		r.Result, r.Reason = e.Message, e.Reason
	}
	return r
}

func (c *printersAddCmd) readRoll() ([]rollLine, error) {
	in := io.Reader(os.Stdin)
	if c.CSV != "-" {
		f, err := os.Open(c.CSV)
		if err != nil {
			return nil, &grove.Error{Code: grove.Invalid, Reason: "bad_csv", Err: err, Message: "the file " + c.CSV + " can't be read"}
		}
		defer f.Close()
		in = f
	}
	return parseRoll(in)
}

// byteOrderMark is what spreadsheets put before the first column's name.
var byteOrderMark = []byte("\xef\xbb\xbf")

// parseRoll reads the printers of a file. Lines that are wrong carry why; only a
// header that is wrong spoils the whole.
func parseRoll(in io.Reader) ([]rollLine, error) {
	buffered := bufio.NewReader(in)
	if head, err := buffered.Peek(len(byteOrderMark)); err == nil && bytes.Equal(head, byteOrderMark) {
		if _, err := buffered.Discard(len(byteOrderMark)); err != nil {
			return nil, err
		}
	}
	r := csv.NewReader(buffered)
	r.FieldsPerRecord, r.Comment, r.Comma = -1, '#', comma(buffered)
	r.TrimLeadingSpace = r.Comma != '\t'
	header, err := r.Read()
	if err != nil {
		return nil, &grove.Error{Code: grove.Invalid, Reason: "bad_csv", Err: err, Message: "the file has no first line with the names of its columns, such as " + strings.Join(rollColumns, ",")}
	}
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(rollColumns, header[i]) {
			return nil, grove.Errorf(grove.Invalid, "bad_csv", "no column is called %q; the first line names some of %s", name, strings.Join(rollColumns, ", "))
		}
	}
	for _, needed := range rollColumns[:2] {
		if !slices.Contains(header, needed) {
			return nil, grove.Errorf(grove.Invalid, "bad_csv", "the column %s is missing in the first line", needed)
		}
	}
	var lines []rollLine
	for {
		fields, err := r.Read()
		switch bad := (*csv.ParseError)(nil); {
		case errors.Is(err, io.EOF) && lines == nil:
			return nil, grove.Errorf(grove.Invalid, "bad_csv", "the file names no printer; below the line of names comes one line for each")
		case errors.Is(err, io.EOF):
			return lines, nil
		case errors.As(err, &bad):
			lines = append(lines, rollLine{number: bad.StartLine, err: grove.Errorf(grove.Invalid, "bad_line", "the line can't be read: %v", bad.Err)})
		case err != nil:
			return nil, err
		case strings.TrimSpace(strings.Join(fields, "")) == "": // spreadsheets write such below the last one
		default:
			number, _ := r.FieldPos(0)
			l := rollLine{number: number}
			l.err = l.fill(header, fields)
			lines = append(lines, l)
		}
	}
}

// comma is what parts the fields, by the first line that says something: spreadsheets
// of many languages write semicolons, since their commas are in figures.
func comma(in *bufio.Reader) rune {
	ahead, _ := in.Peek(in.Size()) // a short file is no fault
	for line := range bytes.Lines(ahead) {
		if said := bytes.TrimSpace(line); len(said) == 0 || said[0] == '#' {
			continue
		}
		for _, c := range ";\t" {
			if bytes.ContainsRune(line, c) {
				return c
			}
		}
		break
	}
	return ','
}

// fill reads the fields of a line.
func (l *rollLine) fill(header, fields []string) error {
	if len(fields) != len(header) {
		return grove.Errorf(grove.Invalid, "bad_line", "the line has %d fields and the first line names %d", len(fields), len(header))
	}
	texts := map[string]*string{"host": &l.in.Host, "serial": &l.in.Serial, "name": &l.in.Name, "model": &l.in.Model}
	numbers := map[string]*int{"mqtts_port": &l.in.MQTTS, "ftps_port": &l.in.FTPS, "camera_port": &l.in.Camera, "rtsps_port": &l.in.RTSPS}
	for i, name := range header {
		field := strings.TrimSpace(fields[i])
		switch {
		case name == "access_code":
			l.in.AccessCode = grove.Secret(field)
		case texts[name] != nil:
			*texts[name] = field
		case field != "":
			n, err := strconv.Atoi(field)
			if err != nil || n < 1 || n > 65535 {
				return grove.Errorf(grove.Invalid, "bad_line", "%s is %q, which is no port", name, field)
			}
			*numbers[name] = n
		}
	}
	if l.in.Host == "" || l.in.AccessCode == "" {
		return grove.Errorf(grove.Invalid, "bad_line", "host and access_code must both be there")
	}
	return nil
}
