// Predictions through JDBC: typed parameters by default, untyped ones with stringtype=unspecified;
// run by driver_test.py with host and port.
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;

class DriverJdbcTest {
    static int passed, failed;

    record Row(int id, Integer a, Double b, Boolean ok, String city, Double[] v, double expected) {
        String object() {
            return "{\"city\": " + (city == null ? "null" : "\"" + city + "\"") + ", \"ok\": " + ok
                + ", \"b\": " + b + ", \"a\": " + a + ", \"more\": [1]}";
        }
    }

    interface Binder {
        void bind(PreparedStatement statement, Row row) throws SQLException;
    }

    static void check(String name, boolean condition, Object detail) {
        if (condition) {
            passed++;
        } else {
            failed++;
            System.out.println("not ok jdbc " + name + " " + detail);
        }
    }

    /** Every row's prediction must be libxgboost's, to the last bit; one statement for all rows. */
    static void compare(Connection connection, String name, List<Row> rows, String sql, Binder binder) throws SQLException {
        List<String> wrong = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (Row row : rows) {
                binder.bind(statement, row);
                try (ResultSet result = statement.executeQuery()) {
                    result.next();
                    double answer = result.getDouble(1);
                    if (result.wasNull() || Double.compare(answer, row.expected) != 0) {
                        wrong.add(row.id + ": " + answer + " for " + row.expected);
                    }
                }
            }
        }
        check(name, wrong.isEmpty(), wrong);
    }

    static List<Row> read(Connection connection, String sql, boolean mixed) throws SQLException {
        List<Row> rows = new ArrayList<>();
        try (Statement statement = connection.createStatement(); ResultSet r = statement.executeQuery(sql)) {
            while (r.next()) {
                rows.add(mixed
                    ? new Row(r.getInt("id"), (Integer) r.getObject("a"), (Double) r.getObject("b"),
                        (Boolean) r.getObject("ok"), r.getString("city"), null, r.getDouble("expected"))
                    : new Row(r.getInt("id"), null, null, null, null, (Double[]) r.getArray("v").getArray(), r.getDouble("expected")));
            }
        }
        return rows;
    }

    static void bindTyped(PreparedStatement statement, int first, Row row) throws SQLException {
        statement.setObject(first, row.a, Types.INTEGER);
        statement.setObject(first + 1, row.b, Types.DOUBLE);
        statement.setObject(first + 2, row.ok, Types.BOOLEAN);
        statement.setObject(first + 3, row.city, Types.VARCHAR);
    }

    static void bindStrings(PreparedStatement statement, Row row) throws SQLException {
        Object[] values = {row.a, row.b, row.ok, row.city};
        for (int i = 0; i < values.length; i++) {
            statement.setString(i + 1, values[i] == null ? null : values[i].toString());
        }
    }

    static String sqlstate(Connection connection, String sql, String... parameters) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < parameters.length; i++) {
                statement.setString(i + 1, parameters[i]);
            }
            statement.executeQuery();
        } catch (SQLException error) {
            return error.getSQLState();
        }
        return null;
    }

    static long count(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            result.next();
            return result.getLong(1);
        }
    }

    static void testObjects(Connection connection, List<Row> rows) throws SQLException {
        compare(connection, "object", rows, "SELECT mlops.predict(?, ?)", (s, row) -> {
            s.setString(1, "driver");
            s.setString(2, row.object());
        });
        compare(connection, "jsonb object", rows, "SELECT mlops.predict(?, ?::jsonb)", (s, row) -> {
            s.setString(1, "driver");
            s.setString(2, row.object());
        });
        try (PreparedStatement statement = connection.prepareStatement("SELECT mlops.predict(?, ?)")) {
            statement.setString(1, "driver");
            for (String nothing : new String[] {null, "null"}) {
                statement.setString(2, nothing);
                try (ResultSet result = statement.executeQuery()) {
                    check("no row, no answer", result.next() && result.getObject(1) == null, nothing);
                }
            }
        }
        check("missing member", "ML004".equals(sqlstate(connection, "SELECT mlops.predict(?, ?)", "driver", "{\"a\": 1}")), "");
        check("no model", "ML001".equals(sqlstate(connection, "SELECT mlops.predict(?, ?)", "absent", "{}")), "");
    }

    static void testTyped(Connection connection, List<Row> rows, List<Row> vectors) throws SQLException {
        compare(connection, "typed parameters", rows, "SELECT mlops.predict('driver', ?, ?, ?, ?)", (s, row) -> bindTyped(s, 1, row));
        compare(connection, "typed function", rows, "SELECT driver_score(?, ?, ?, ?)", (s, row) -> bindTyped(s, 1, row));
        compare(connection, "typed function of numeric", rows, "SELECT driver_score(?, ?, ?, ?)", (s, row) -> {
            bindTyped(s, 1, row);
            s.setObject(2, row.b == null ? null : BigDecimal.valueOf(row.b), Types.NUMERIC);
        });
        compare(connection, "array", vectors, "SELECT mlops.predict('driver_number', ?)", (s, row) -> {
            Array array = connection.createArrayOf("float8", row.v);
            s.setArray(1, array);
        });
    }

    static void testBatch(Connection connection, List<Row> rows) throws SQLException {
        connection.createStatement().execute("CREATE TEMP TABLE scored AS SELECT id, expected, NULL::float8 AS p FROM row_mixed LIMIT 0");
        try (PreparedStatement statement = connection.prepareStatement(
                "INSERT INTO scored SELECT id, expected, mlops.predict(?, r) FROM row_mixed r")) {
            statement.setString(1, "driver");
            check("INSERT SELECT", statement.executeUpdate() == rows.size(), "");
        }
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO scored VALUES (?, ?, driver_score(?, ?, ?, ?))")) {
            for (Row row : rows) {
                statement.setInt(1, row.id);
                statement.setDouble(2, row.expected);
                bindTyped(statement, 3, row);
                statement.addBatch();
            }
            check("executeBatch", statement.executeBatch().length == rows.size(), "");
        }
        check("batches", count(connection, "SELECT count(*) FILTER (WHERE p = expected) FROM scored") == 2 * rows.size(), "");
    }

    static void test(String url) throws SQLException {
        try (Connection typed = DriverManager.getConnection(url, "analyst", "")) {
            List<Row> rows = read(typed, "SELECT id, a, b, ok, city, expected FROM row_mixed ORDER BY id", true);
            List<Row> vectors = read(typed, "SELECT id, v, expected FROM row_number ORDER BY id", false);
            testObjects(typed, rows);
            testTyped(typed, rows, vectors);
            // after prepareThreshold executions the driver names the statement, and the server makes a generic plan
            long generic = count(typed, "SELECT count(*) FROM pg_prepared_statements WHERE generic_plans > 0"
                + " AND statement ~ '^SELECT (mlops[.]predict|driver_score)'");
            check("generic plans", generic >= 4, generic);
            testBatch(typed, rows);
            try (Connection untyped = DriverManager.getConnection(url + "?stringtype=unspecified&prepareThreshold=1", "analyst", "")) {
                testObjects(untyped, rows);
                compare(untyped, "typed function, all untyped", rows, "SELECT driver_score(?, ?, ?, ?)", (s, row) -> bindStrings(s, row));
            }
            try (Connection simple = DriverManager.getConnection(url + "?preferQueryMode=simple", "analyst", "")) {
                testObjects(simple, rows);
                compare(simple, "simple protocol", rows, "SELECT driver_score(?, ?, ?, ?)", (s, row) -> bindTyped(s, 1, row));
            }
        }
    }

    public static void main(String[] arguments) {
        try {
            test("jdbc:postgresql://" + arguments[0] + ":" + arguments[1] + "/postgres");
        } catch (SQLException error) { // what stops the test is a failed test
            check("test", false, error);
        }
        System.out.println("jdbc: " + passed + " passed, " + failed + " failed");
        System.exit(failed > 0 ? 1 : 0);
    }
}
