-- 300 users, 60 products, 4,000 orders: the same rows each time.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300),
first(k, name) AS (VALUES (0,'Ada'),(1,'Bea'),(2,'Chen'),(3,'Dina'),(4,'Emeka'),(5,'Fritz'),(6,'Goro'),(7,'Hana'),(8,'Ivo'),(9,'Jun')),
last(k, name) AS (VALUES (0,'Abe'),(1,'Berg'),(2,'Cruz'),(3,'Dahl'),(4,'Endo'),(5,'Fall'),(6,'Gray'))
INSERT INTO "User" ("id", "email", "name", "createdAt")
SELECT 'user_' || printf('%04d', i), lower(f.name) || i || '@example.com', f.name || ' ' || l.name,
       strftime('%Y-%m-%dT%H:%M:%S', '2026-01-01', '+' || (i * 7919 % 25000000) || ' seconds') || '.000+00:00'
FROM n JOIN first f ON f.k = i % 10 JOIN last l ON l.k = i * 3 % 7 ORDER BY i;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60),
kind(k, name) AS (VALUES (0,'Lamp'),(1,'Chair'),(2,'Desk'),(3,'Mug'),(4,'Book'),(5,'Pen'),(6,'Clock'),(7,'Vase'),(8,'Rug'),(9,'Shelf')),
look(k, name) AS (VALUES (0,'Oak'),(1,'Blue'),(2,'Small'),(3,'Tall'),(4,'Plain'),(5,'Brass'))
INSERT INTO "Product" ("sku", "name", "price", "stock")
SELECT 'SKU' || printf('%03d', i), l.name || ' ' || k.name, round((i * 977 % 20000) / 100.0 + 1.99, 2), 200 + i * 37 % 800
FROM n JOIN kind k ON k.k = i % 10 JOIN look l ON l.k = i / 10 % 6 ORDER BY i;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
INSERT INTO "Order" ("productId", "amount", "status", "userId", "createdAt", "updatedAt")
SELECT i * 31 % 60 + 1, i * 17 % 5 + 1,
       CASE WHEN i % 23 = 0 THEN 'CANCELLED' WHEN i % 5 = 0 THEN 'SHIPPED' WHEN i % 7 < 3 THEN 'DELIVERED' WHEN i % 2 = 0 THEN 'CONFIRMED' ELSE 'PENDING' END,
       'user_' || printf('%04d', i * 7 % 300 + 1),
       strftime('%Y-%m-%dT%H:%M:%S', '2026-02-01', '+' || (i * 5003) || ' seconds') || '.000+00:00',
       strftime('%Y-%m-%dT%H:%M:%S', '2026-02-01', '+' || (i * 5003 + i % 86400) || ' seconds') || '.000+00:00'
FROM n ORDER BY i;
