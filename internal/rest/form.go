package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/grovecloud/grove"
)

const (
	formMedia = "multipart/form-data"
	// maxFormText is how large a text of a form, and all that is in it beside the
	// file, may be.
	maxFormText = 4 << 10
	maxFormRest = 1 << 20
	maxParts    = 16
)

// Form is a form that an operation takes beside JSON: texts and then one file,
// which is passed on as it arrives.
type Form struct {
	File  string   // the name of the part that is the file
	Texts []string // of the parts before it; others are left out
	Take  func(context.Context, Sent) (any, error)
}

// Sent is a form whose file is about to arrive.
type Sent struct {
	Texts map[string]string
	Name  string // of the file as the client calls it; may be empty
	// File ends with io.EOF only where the whole form was in order.
	File io.Reader
}

// isForm reports whether the body of a request is a form.
func isForm(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == formMedia
}

// takesForm answers requests whose body is a form.
func (rt *Router) takesForm(f *Form) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := rt.readForm(f, w, r)
		if err != nil {
			rt.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = encodeJSON(w, answer) // a client that has left is no error of ours
	}
}

// readForm gives what became of a form, which must be answered soon after.
func (rt *Router) readForm(f *Form, w http.ResponseWriter, r *http.Request) (any, error) {
	line := LineOf(w)
	defer func() {
		line.open() // as after a PUT
		answerSoon(w, answerWithin)
	}()
	most := rt.Library.MaxBytes + maxFormRest
	if r.ContentLength > most {
		return nil, grove.Errorf(grove.TooLarge, grove.ReasonUploadFailed, "the form is larger than any file that is taken here")
	}
	r.Body = io.NopCloser(io.LimitReader(line.steady(r.Body), most))
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, badForm("its Content-Type names no boundary")
	}
	p := &formParts{form: f, parts: parts, left: maxParts}
	sent, err := p.untilFile()
	if err != nil {
		return nil, err
	}
	if read := callOf(r.Context()).formRead; read != nil {
		sent.File = summed(f, r, sent, read)
	}
	return f.Take(r.Context(), sent)
}

// summed reads the file of a form, and at its end says the hash of all that was
// asked: the boundaries between the parts differ each time a form is made.
func summed(f *Form, r *http.Request, sent Sent, read func(sum string)) io.Reader {
	h := sha256.New()
	writeAddress(h, r)
	for _, name := range f.Texts {
		fmt.Fprintf(h, "%q ", sent.Texts[name])
	}
	fmt.Fprintf(h, "%q\x00", sent.Name)
	return &summing{sent.File, h, read}
}

type summing struct {
	file io.Reader
	sum  hash.Hash
	read func(sum string)
}

// Read reads on.
func (s *summing) Read(b []byte) (int, error) {
	n, err := s.file.Read(b)
	s.sum.Write(b[:n])
	if errors.Is(err, io.EOF) {
		s.read(hex.EncodeToString(s.sum.Sum(nil)))
	}
	return n, err
}

// formParts goes through the parts of a form in the order in which they come.
type formParts struct {
	form  *Form
	parts *multipart.Reader
	file  io.Reader
	left  int
}

// untilFile reads the texts that come before the file.
func (p *formParts) untilFile() (Sent, error) {
	sent := Sent{Texts: map[string]string{}}
	for {
		part, err := p.next()
		if errors.Is(err, io.EOF) {
			return Sent{}, badForm("it has no part named " + p.form.File)
		}
		if err != nil {
			return Sent{}, err
		}
		if part.FormName() == p.form.File {
			p.file = part
			sent.Name, sent.File = part.FileName(), p
			return sent, nil
		}
		text, err := readText(part)
		if err != nil {
			return Sent{}, err
		}
		if slices.Contains(p.form.Texts, part.FormName()) {
			sent.Texts[part.FormName()] = text
		}
	}
}

// next is the next part, io.EOF after the last.
func (p *formParts) next() (*multipart.Part, error) {
	if p.left--; p.left < 0 {
		return nil, badForm("it has too many parts")
	}
	part, err := p.parts.NextPart()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, brokenForm(err)
	}
	return part, err
}

// Read reads the file. At its end the rest of the form must be in order, so that
// nothing is kept of one that is not.
func (p *formParts) Read(b []byte) (int, error) {
	n, err := p.file.Read(b)
	if errors.Is(err, io.EOF) {
		err = p.afterFile()
	}
	return n, err
}

func (p *formParts) afterFile() error {
	for {
		part, err := p.next()
		if err != nil {
			return err
		}
		if part.FormName() == p.form.File {
			return badForm("it has a second " + p.form.File + "; send each in a form of its own")
		}
		if slices.Contains(p.form.Texts, part.FormName()) {
			return badForm(part.FormName() + " must come before " + p.form.File)
		}
		if _, err := readText(part); err != nil {
			return err
		}
	}
}

func readText(part io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(part, maxFormText+1))
	if err != nil {
		return "", brokenForm(err)
	}
	if len(text) > maxFormText {
		return "", badForm("one of its texts is too long")
	}
	return string(text), nil
}

func badForm(why string) error {
	return grove.Errorf(grove.Invalid, "bad_form", "the form can't be read and nothing was kept: %s", why)
}

func brokenForm(err error) error {
	return &grove.Error{Code: grove.Invalid, Reason: "body_unread", Message: "the form did not arrive whole and nothing was kept; send it again", Err: err}
}

// describe adds the form to what an operation takes.
func (f *Form) describe(o *huma.Operation) {
	text := &huma.Schema{Type: huma.TypeString}
	form := &huma.Schema{Type: huma.TypeObject, Required: []string{f.File}, Properties: map[string]*huma.Schema{
		f.File: {Type: huma.TypeString, Format: "binary"},
	}}
	for _, name := range f.Texts {
		form.Properties[name] = text
	}
	form.Description = "Texts first: " + strings.Join(f.Texts, ", ") + "; then " + f.File + "."
	o.RequestBody.Content[formMedia] = &huma.MediaType{Schema: form}
}
