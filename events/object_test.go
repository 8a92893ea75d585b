package events

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

// The walk over a checked text finds what encoding/json finds.
func FuzzWalk(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, ` { } `, `{"a":1}`, "{\"a\" :\t-1.5e+3 ,\r\n\"\":null}", `{"a":{"b":[{},[],"}]"]},"a":"\\\""}`,
		`["\"",true,false,null,[[1,2],[]],{"x":{}},"\\","]"]`, `["\u0061\ud83d\ude00\ud800\/\b","ü","` + "\xff" + `"]`, `[0 , 1]`, `{"\u0041":"\u0041"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		if checkJSON("the text", text) != nil {
			return
		}
		findCluster(text)
		switch text[0] {
		case '[':
			var want []json.RawMessage
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			compare(t, text, slices.Collect(items(text)), want)
		case '{':
			var got []json.RawMessage
			for name, value := range fields(text) {
				got = append(got, name, value)
			}
			compare(t, text, got, decoded(t, text))
		case '"':
			var want string
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if got, isString := unquote(text); string(got) != want || !isString {
				t.Errorf("%s becomes %q, want %q", text, got, want)
			}
		}
	})
}

// decoded are the names and values of an object as encoding/json reads them.
func decoded(t *testing.T, object []byte) (all []json.RawMessage) {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		quotedName, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		all = append(all, quotedName, value)
	}
	return all
}

// compare compares values as they stand in a text; of strings what they hold.
func compare(t *testing.T, text []byte, got, want []json.RawMessage) {
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", text, len(got), len(want))
	}
	for i := range got {
		same := bytes.Equal(got[i], want[i])
		if a, isString := unquote(got[i]); isString {
			b, _ := unquote(want[i])
			same = bytes.Equal(a, b)
		}
		if !same {
			t.Errorf("%s: value %d is %s, want %s", text, i, got[i], want[i])
		}
	}
}
