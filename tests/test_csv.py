"""CSV files: what is read, and for whatever is wrong with one its line, its value and what to write."""

import csv

import pytest
from hypothesis import given, settings, strategies as st

from nn.data import Dataset, load, read_csv


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def write(tmp_path):
    def write(content, name="some.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
    return write


def test_load_reads_csv_files(write):
    path = write("a,b\n1,no\n2,yes\n", "Answers.CSV")
    assert load(path, target="b") == load(str(path), target=-1) == read_csv(path, target="b")
    with pytest.raises(ValueError, match=r"say which column of .*Answers\.CSV to predict, .*: one of a, b"):
        load(path)


def test_text_targets_become_indices_of_sorted_names(write):
    made = read_csv(write("w,species,h\n1,rose,2\n3,daisy,4\n5,rose,6\n", "flowers.csv"), target="species")
    assert made == Dataset("flowers", [((1, 2), 1), ((3, 4), 0), ((5, 6), 1)], ("w", "h"), ("daisy", "rose"))


def test_few_integers_become_classes_in_numerical_order(write):
    made = read_csv(write("a,t\n1,10\n2,9\n3,-1\n4,10\n5,9\n6,-1\n"), target="t")
    assert made.classes == ("-1", "9", "10")
    assert [t for _, t in made] == [2, 1, 0, 2, 1, 0]


def test_integer_classes_are_told_apart_to_the_last_digit(write):
    made = read_csv(write("a,t\n1,9007199254740993\n2,9007199254740992\n3,9007199254740993\n4,9007199254740992\n"),
                    target="t")
    assert made.classes == ("9007199254740992", "9007199254740993")


def test_other_numbers_become_regression_targets(write):
    floats = read_csv(write("a,t\n1,1.0\n2,2.0\n3,1.0\n4,2.0\n"), target="t")
    assert [t for _, t in floats] == [(1.0,), (2.0,), (1.0,), (2.0,)]
    assert floats.classes == ()
    different = read_csv(write("a,t\n1,1\n2,2\n3,1\n4,2\n5,3\n"), target="t")    # 3 values among 5 rows
    assert [t for _, t in different] == [(1.0,), (2.0,), (1.0,), (2.0,), (3.0,)]


@pytest.mark.parametrize(("values", "classes"), [(20, 20), (21, 0)])
def test_few_means_at_most_twenty(write, values, classes):
    lines = "".join(f"{i},{i % values}\n" for i in range(100))
    assert len(read_csv(write("a,t\n" + lines), target="t").classes) == classes


def test_classification_can_be_forced(write):
    path = write("a,t\n1,1.0\n2,2\n3,1\n4,0.5\n")
    assert read_csv(path, target="t", classification=True).classes == ("0.5", "1", "2")
    assert [t for _, t in read_csv(path, target="t", classification=True)] == [1, 2, 1, 0]
    path = write("a,t\n1,1\n2,2\n3,1\n4,2\n")
    assert read_csv(path, target="t").classes == ("1", "2")
    assert [t for _, t in read_csv(path, target="t", classification=False)] == [(1.0,), (2.0,), (1.0,), (2.0,)]
    path = write("a,t\n1,1\n2,two\n3,1\n")
    assert read_csv(path, target="t", classification=True).classes == ("1", "two")


@pytest.mark.parametrize(("target", "features"), [("a", ("b", "c")), (0, ("b", "c")), (1, ("a", "c")), (-1, ("a", "b")),
                                                  (-3, ("b", "c"))])
def test_target_by_name_or_index(write, target, features):
    assert read_csv(write("a,b,c\n1.5,2.5,3.5\n4.5,5.5,6.5\n"), target=target).features == features


def test_a_first_line_of_numbers_is_data(write):
    made = read_csv(write("0.5,1.5,7\n2.5,3.5,8\n0.5,1,7\n1,1,8\n"), target="x3")
    assert made.features == ("x1", "x2")
    assert made[0] == ((0.5, 1.5), 0)
    assert len(made) == 4
    assert read_csv(write("1.5,2.5\n"), target=-1)[0] == ((1.5,), (2.5,))


def test_byte_order_mark_quotes_blanks_spaces_and_line_ends(write):
    content = b'\xef\xbb\xbf"the, width" , h ,t\r\n\r\n 1.5 ,"2", "a ""b"""\r\n   \r\n,,\r\n-3e2,\t4 ,c\xc3\xa9 \r\n'
    with pytest.raises(ValueError, match=r"line 1: a space follows the quote that closes '\"the, width\"'; write the comma right after it"):
        read_csv(write(content), target="t")
    made = read_csv(write(content.replace(b'width" ,', b'width",')), target="t")
    assert made.features == ("the, width", "h")
    assert made.classes == ('a "b"', "cé")
    assert list(made) == [((1.5, 2.0), 0), ((-300.0, 4.0), 1)]


@settings(max_examples=50)
@given(st.lists(st.tuples(FINITE, st.text("ab ,\"'\n;é").map("k{}k".format), FINITE), min_size=2))
def test_what_csv_writes_is_read_back_bit_for_bit(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "round.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("a", "label", "b"), *rows])
    labels = sorted({label for _, label, _ in rows})
    if len(labels) == 1:
        with pytest.raises(ValueError, match=r"every target is .*; two classes or more"):
            read_csv(path, target="label")
        return
    made = read_csv(path, target="label")
    assert made.classes == tuple(labels)
    assert repr(made.rows) == repr(tuple(((a, b), labels.index(label)) for a, label, b in rows))


@pytest.mark.parametrize(("content", "message"), [
    ("", r"some\.csv is empty; write a line of column names"),
    ("\n  \r\n\n", r"some\.csv is empty"),
    ("a,t\n", r"some\.csv has only a header, a, t; write one line per row below it"),
    ("a,b\n1,2\n", r"target is 't', which is no column of .*some\.csv; write one of the names a, b or an index"),
    ("t\n1\n2\n", r"some\.csv has one column, 't'; it needs features and a target, separated by commas"),
    ("a,b,t\n1,2,x\n1,y\n", r"some\.csv, line 3 has 2 cells, expected 3: \['1', 'y'\]"),
    ("a,b,t\n\n\"1\n\",2,x\n1,2,3,y\n", r"line 5 has 4 cells, expected 3"),
    ("a,t\n1,x\n1.5.1,y\n", r"some\.csv, line 3, column 'a': '1\.5\.1' is not a number; correct it, or leave"),
    ("a,t\n1,x\n\n,y\n", r"line 4, column 'a': the cell is empty; correct it"),
    ("a,t\n1_000,x\n1,y\n", r"line 2, column 'a': '1_000' is not a number; write 1000, or leave"),
    ("a,t\n1,x\nNaN,y\n", r"line 3, column 'a': 'NaN' is not a finite number"),
    ("a,t\n1,x\n-inf,y\n", r"line 3, column 'a': '-inf' is not a finite number"),
    (f"a,t\n{'9' * 400},x\n1,y\n", r"line 2, column 'a': '9+' is beyond the largest float"),
    ("a,t\n1,2.5\n1,nan\n", r"line 3, column 't': 'nan' is not a finite number"),
    ("a,t\n1,x\n1,inf\n", r"line 3, column 't': 'inf' is not a finite number"),
    ("a,t\n1,x\n1,\n", r"line 3, column 't': the cell is empty"),
    ("a,t\n1,2.5\n1,3.5\n2,4?\n", r"line 4, column 't': '4\?' is not a number, but other targets are; correct it, or"),
    ("a,t\n1,x\n2,x\n", r"some\.csv, column 't': every target is 'x'; two classes or more are needed: choose another target, or add rows"),
    ("a,t\n1,7\n2,7\n", r"some\.csv, column 't': every target is 7; two classes or more are needed"),
    ("a,b,a,t\n1,2,3,x\n", r"some\.csv, line 1, column 2: the header has 'a' twice; rename one"),
    ("a,b,t\n1,2,x\n3,4,y\n5,z\n", r"line 4 has 2 cells, expected 3: \['5', 'z'\]; add what is missing, or leave the line out"),
    ("a,t\n1,5,x\n2,5,y\n", r"line 2 has 3 cells, expected 2: .*; write numbers with a decimal point, and quote a text that has a comma"),
    ("a,t\n1,x,\n2,y,\n", r"line 2 has 3 cells, expected 2: .*; it ends with a comma too many"),
    ("a;b;t\n1,5;2;x\n", r"some\.csv, line 1: ';' stands between the cells, 'a;b;t'; write commas there, and numbers with a decimal point"),
    ('"a";"t"\n"1,5";"x"\n', r"some\.csv, line 1: ';' stands between the cells, '\"a\";\"t\"'; write commas there"),
    ("a\tb\tt\n1\t2\tx\n", r"line 1: '\\t' stands between the cells, 'a\\tb\\tt'; write commas there"),
    ("\na b t\n1 2 x\n", r"line 2: ' ' stands between the cells, 'a b t'; write commas there"),
    ("a\tt\n1,5\tx\n2,5\ty\n", r"line 1: '\\t' stands between the cells, 'a\\tt'; write commas there"),
    ("# made by hand\na,t\n1,x\n2,y\n", r"line 1 has one cell, '# made by hand', and line 2 has 2; let the first line name the columns"),
    ("a,t\n\"1,5\",x\n2,y\n", r"line 2, column 'a': '1,5' is not a number; write 1\.5, or leave the line or column out"),
    ("a,t\n\"1,000\",x\n2,y\n", r"line 2, column 'a': '1,000' is not a number; write 1\.000 or 1000, or leave"),
    ("a,t\n\"1.234,5\",x\n2,y\n", r"line 2, column 'a': '1\.234,5' is not a number; write 1234\.5, or leave"),
    ("a,t\n1 000,x\n2,y\n", r"line 2, column 'a': '1 000' is not a number; write 1000, or leave"),
    ("a,t\n1\u00a0000,x\n2,y\n", r"line 2, column 'a': '1\\xa0000' is not a number; write 1000, or leave"),
    ("a,t\n\u22121,x\n2,y\n", r"line 2, column 'a': '\u22121' is not a number; write -1, or leave"),
    ("a,t\n'1',x\n2,y\n", r"line 2, column 'a': \"'1'\" is not a number; write 1, or leave"),
    ("a,t\n1,\"1,5\"\n2,\"2,5\"\n", r"line 2, column 't': '1,5' is not a number; write 1\.5, or classification=True if all are names of classes"),
    ("a,t\n1,2\n2,\"2,5\"\n", r"line 3, column 't': '2,5' is not a number, but other targets are; write 2\.5, or classification=True"),
    ("a,t\n1e400,x\n1,y\n", r"line 2, column 'a': '1e400' is beyond the largest float, 1\.8e308; correct it"),
    (b"a,t\n1,x\n2,y\x00\n", r"line 3 holds a NUL character, as no text does; save the file as CSV in UTF-8"),
    ("a,t\n1,x\n".encode("utf-16-le"), r"line 1 holds a NUL character, as no text does; save the file as CSV in UTF-8"),
    ("a,t\n1,x\n".encode("utf-16"), r"line 1: byte 0xff is not UTF-8; save the file as UTF-8"),
    (b"PK\x03\x04\x14\x00\x06\x00\xff", r"some\.csv is a spreadsheet or an archive, not text; export it as CSV in UTF-8"),
    (b"a,t\r1,x\r2,caf\xe9\r", r"some\.csv, line 3: byte 0xe9 is not UTF-8"),
    ('a,t\n1,x\n2,"y"z\n', r"line 3: 'z' follows the quote that closes '\"y\"'; write a comma there, or a quote inside a text twice"),
    ('a,t\n1,x\n2,"say \\\\"y\\\\""\n'.replace("\\\\", "\\"), r"line 3: 'y.*' follows the quote that closes .*; write a quote inside a text twice, \"\", not with a backslash"),
    ('a,t\n1,"x\n2,y\n3,"z"\n4,w\n', r"line 2: the quote that opens '\"x' is closed only in line 4, before 'z\"'; close it where its text ends"),
    ('a,t\n1,x\n2,' + "z" * 200_000 + "\n", r"line 3: a cell is longer than 131,072 characters; shorten it"),
    ('a,t\n1,x\n2,"y\n' + "3,z\n" * 50_000, r"line 3: a quote is opened and not closed; close it, or write a quote inside a text twice"),
    (",a,t\n0,1,x\n", r"some\.csv, line 1, column 0 has no name in the header; write one, or drop a column of"),
    ("5.1,3.5,setosa\n4.9,3.0,t\n", r"line 1, column 0: 5\.1 is a number, not a name; write a header line"),
    ("0,1,2\n5,6,7\n", r"line 1, column 0: 0 is a number, not a name; write a header line, or rename the column"),
    (b"a,t\n1,x\n2,caf\xe9\n", r"some\.csv, line 3: byte 0xe9 is not UTF-8; save the file as UTF-8"),
    (b"\xef\xbb\xbfa,t\n1,\xff\n", r"some\.csv, line 2: byte 0xff is not UTF-8"),
    ("a,t\n1,x\n2,\"y\n3,z\n", r"some\.csv, line 3: a quote is opened and not closed; close it, or write a quote inside a text twice"),
])
def test_refused_files(write, content, message):
    with pytest.raises(ValueError, match=message):
        read_csv(write(content), target="t")


def test_classes_may_look_like_numbers_of_other_countries(write):
    assert read_csv(write('a,t\n1,"1,5"\n2,big\n'), target="t").classes == ("1,5", "big")
    assert read_csv(write('a,t\n1,"1,5"\n2,"2,5"\n'), target="t", classification=True).classes == ("1,5", "2,5")


def test_text_is_refused_where_regression_is_forced(write):
    with pytest.raises(ValueError, match=r"some\.csv, line 3, column 't': 'x' is not a number; correct it"):
        read_csv(write("a,t\n1,2\n1,x\n"), target="t", classification=False)


@pytest.mark.parametrize("target", [3, -4, "A"])
def test_unknown_targets(write, target):
    message = rf"target is {target!r}, which is no column of .* the names a, b, c or an index from -3 to 2"
    with pytest.raises(ValueError, match=message):
        read_csv(write("a,b,c\n1,2,3\n"), target=target)


def test_missing_files(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.csv cannot be read: No such file or directory"):
        load(tmp_path / "nowhere.csv", target=0)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match=r"folder\.csv cannot be read: Is a directory"):
        read_csv(tmp_path / "folder.csv", target=0)
